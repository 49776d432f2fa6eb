import type { ModelErrorCode } from './api.ts'
import { ModelError } from './error.ts'

/** The entry of that name; otherwise a ModelError that lists the names there are and guesses the one meant. */
export function find<Item extends { readonly name: string }>(
  items: readonly Item[],
  name: string,
  what: string,
  code: ModelErrorCode = 'unknown-name',
): Item {
  const found = items.find((item) => item.name === name)
  if (found) return found
  const names = items.map((item) => item.name)
  throw new ModelError(code, `there is no ${what} \`${name}\`${didYouMean(name, names)}${listed(what, names)}`)
}

function didYouMean(name: string, names: readonly string[]): string {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of names) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < least) {
      least = edits
      best = candidate
    }
  }
  return best === undefined ? '' : `; did you mean \`${best}\`?`
}

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return ` (the module has no ${what} at all)`
  const more = names.length > 12 ? `, and ${names.length - 12} more` : ''
  return ` (known: ${names.slice(0, 12).join(', ')}${more})`
}

/** Insertions, deletions and replacements from one word to the other (Levenshtein 1966). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next[j] = Math.min(replaced, row[j]! + 1, next[j - 1]! + 1)
    }
    row = next
  }
  return row[to.length]!
}
