import { StreamLanguage } from '@codemirror/language'
import { contextualWords, words } from '../compiler/1-parse/tokens.ts'

const keywords = new Set(
  [...Object.values(words), ...Object.values(contextualWords)].map(({ name }) => name.toLowerCase()),
)
const types = new Set(['f32', 'i32', 'bool'])

/** The colours of a `.nn` text; words that are names elsewhere are taken for what they begin. */
export const nnLanguage = StreamLanguage.define<null>({
  name: 'nn',
  startState: () => null,
  token(stream) {
    if (stream.match(/^\/\/.*/)) return 'comment'
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return 'string'
    if (stream.match(/^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/)) return 'number'
    if (stream.match(/^\|>|^->|^\?\?|^[-+*/%^@=<>!]+/)) return 'operator'
    const word = stream.match(/^[A-Za-z_]\w*/)
    if (!word) {
      stream.next()
      return null
    }
    const [text] = word as RegExpMatchArray
    if (types.has(text!)) return 'typeName'
    // `sum[...]` and `test(...)` are calls, whatever else the word is.
    if (keywords.has(text!) && !/[([.]/.test(stream.peek() ?? '')) return 'keyword'
    return /^[A-Z]/.test(text!) ? 'className' : null
  },
  languageData: { commentTokens: { line: '//' } },
})
