/** Text to token ids and back. Ids begin with 0 for padding and 1 for what the vocabulary does not have. */
import type { Tokenizer, Vocabulary } from './api.ts'

export const PADDING = 0
export const UNKNOWN = 1
/** Ids before those of the vocabulary. */
export const RESERVED = 2

/** Words with inner apostrophes, numbers, and every other sign by itself. */
const WORD = /\p{L}+(?:['’]\p{L}+)*|\p{N}+|[^\s\p{L}\p{N}]/gu

export function createTokenizer({ kind, names }: Vocabulary): Tokenizer {
  const ids = new Map(names.map((name, position) => [name, position + RESERVED]))
  const nameOf = (id: number): string => (id === PADDING ? '' : (names[id - RESERVED] ?? '\u{fffd}'))
  return {
    size: names.length + RESERVED,
    encode: (text) => {
      const tokens = tokensOf(kind, text)
      return Int32Array.from(tokens, (token) => ids.get(token) ?? UNKNOWN)
    },
    decode: (encoded) => {
      const tokens = Array.from(encoded, nameOf).filter((token) => token !== '')
      return kind === 'characters' ? tokens.join('') : joinWords(tokens)
    },
    unknownIn: (text) => [...new Set(tokensOf(kind, text).filter((token) => !ids.has(token)))],
  }
}

/** The tokens of a text: its characters (Unicode code points), or its words in lower case. */
export function tokensOf(kind: Vocabulary['kind'], text: string): string[] {
  return kind === 'characters' ? Array.from(text) : (text.toLowerCase().match(WORD) ?? [])
}

/** A space before each word but not before closing punctuation, and none after an opening bracket. */
function joinWords(tokens: readonly string[]): string {
  let text = ''
  for (const token of tokens) {
    const joined = text === '' || /^[.,;:!?)\]}’”…]/u.test(token) || /[([{‘“]$/u.test(text)
    text += joined ? token : ` ${token}`
  }
  return text
}
