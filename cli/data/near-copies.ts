/** Texts that say nearly the same. Pure. */
import { mix } from '../../runtime/mix.ts'
import { tokensOf } from '../../runtime/tokenizer.ts'
import { allRows } from './split.ts'

/** Words in a row that are compared as one piece. */
const PIECE = 4
/** A text's signature: the least hash of its pieces under each of so many functions, in bands of so many. */
const BANDS = 16
const ROWS_PER_BAND = 4

/**
 * By row, the first row it is a copy of, or itself: two texts are copies where at least `share` of the pieces of either are pieces
 * of both (Jaccard), and copies of a copy too. Pairs are found by hashing (Broder 1997, Indyk and Motwani 1998), then
 * compared; of pairs that share four fifths one in 5,000 is not found, of three fifths one in nine.
 */
export function nearCopies(texts: readonly (string | undefined)[], share: number): Int32Array {
  const first = allRows(texts.length)
  const rootOf = (row: number): number => {
    let root = row
    while (first[root] !== root) root = first[root]!
    return root
  }
  const pieces = texts.map((text) => (text === undefined ? undefined : piecesOf(text)))
  const signatures = pieces.map((own) => own && signatureOf(own))
  for (let band = 0; band < BANDS; band++) {
    const buckets = new Map<string, number>()
    signatures.forEach((signature, row) => {
      if (!signature) return
      const key = signature.subarray(band * ROWS_PER_BAND, (band + 1) * ROWS_PER_BAND).join()
      const other = buckets.get(key)
      if (other === undefined) {
        buckets.set(key, row)
        return
      }
      const [one, two] = [rootOf(other), rootOf(row)]
      if (one !== two && similarity(pieces[other]!, pieces[row]!) >= share)
        first[Math.max(one, two)] = Math.min(one, two)
    })
  }
  return first.map((_, row) => rootOf(row))
}

/** Hashes of all runs of words, ascending, each once; of the whole where it is shorter than one. */
function piecesOf(text: string): Int32Array {
  const words = tokensOf('words', text).filter(isWord).map(hashOf)
  const count = Math.max(1, words.length - PIECE + 1)
  const found = new Set<number>()
  for (let start = 0; start < count; start++) {
    let hash = 0
    for (let at = start; at < Math.min(start + PIECE, words.length); at++)
      hash = mix(Math.imul(hash, 31) + words[at]!) | 0
    found.add(hash)
  }
  return Int32Array.from(found).sort()
}

/** A word or a number, and no sign. */
function isWord(token: string): boolean {
  return /^[\p{L}\p{N}]/u.test(token)
}

/** FNV-1a (Fowler, Noll and Vo 1991) over code units. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193)
  return hash
}

function signatureOf(pieces: Int32Array): Int32Array {
  return Int32Array.from({ length: BANDS * ROWS_PER_BAND }, (_, index) => {
    const seed = Math.imul(index + 1, 0x9e3779b1)
    let least = 0x7fffffff
    for (const piece of pieces) least = Math.min(least, mix(piece ^ seed) | 0)
    return least
  })
}

/** Of the pieces of either, the share that both have. */
function similarity(one: Int32Array, two: Int32Array): number {
  let both = 0
  for (let i = 0, j = 0; i < one.length && j < two.length; ) {
    if (one[i] === two[j]) both++
    const [left, right] = [one[i]!, two[j]!]
    if (left <= right) i++
    if (right <= left) j++
  }
  return both / (one.length + two.length - both)
}
