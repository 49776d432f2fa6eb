/** Functions of a data block that work on text. Pure. */
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { createTokenizer, PADDING, RESERVED, tokensOf, type Vocabulary } from '../../runtime/tokenizer.ts'
import { DataFault } from './data-fault.ts'
import type { Computed, ComputedNumbers, ComputedSequence, ComputedText, ExpressionScope } from './expression.ts'
import { patternOf, type Settings } from './functions.ts'
import { changed } from './learned.ts'
import { readTime } from './read-time.ts'

/** Words kept when `words` is not told how many ids there may be. */
const DEFAULT_WORDS = 10_000

export function requireText(column: Computed, span: Span, user: string): ComputedText {
  if (column.kind === 'text') return column
  throw new DataFault('NN0411', span, `\`${user}\` works on text, and this is not`)
}

/**
 * Token ids of a text, with a vocabulary learned from the training rows: a sequence as long as the text, or, with
 * `length`, rows of that many ids, cut off or padded with 0 at the end.
 */
export function tokenIds(
  kind: Vocabulary['kind'],
  input: ComputedText,
  settings: Settings,
  span: Span,
  scope: ExpressionScope,
): ComputedSequence | ComputedNumbers {
  const limit = (settings.vocabulary as number | undefined) ?? (kind === 'words' ? DEFAULT_WORDS : undefined)
  const learned = scope.learned(span, ({ train }) => ({ kind, names: learnNames(kind, input, train, limit) }))
  if (learned.kind !== kind) throw changed(span)
  const tokenizer = createTokenizer(learned)
  const length = settings.length as number | undefined
  if (length === undefined) return { kind: 'sequence', compute: (row) => tokenizer.encode(input.compute(row)) }
  return {
    kind: 'number',
    shape: [length],
    compute(row, target, at) {
      const ids = tokenizer.encode(input.compute(row))
      for (let i = 0; i < length; i++) target[at + i] = ids[i] ?? PADDING
    },
  }
}

/** Characters by code point, words by how often they occur; with a limit, the most frequent ones. */
function learnNames(
  kind: Vocabulary['kind'],
  input: ComputedText,
  rows: ArrayLike<number>,
  limit: number | undefined,
): string[] {
  const counts = new Map<string, number>()
  for (let n = 0; n < rows.length; n++)
    for (const token of tokensOf(kind, input.compute(rows[n]!))) counts.set(token, (counts.get(token) ?? 0) + 1)
  const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  const frequent = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)! || byName(a, b))
  const kept = limit === undefined ? frequent : frequent.slice(0, limit - RESERVED)
  return kind === 'characters' ? kept.sort(byName) : kept
}

/** 1 where the pattern is found in the text, else 0. */
export function matches(input: ComputedText, { pattern }: Settings): ComputedNumbers {
  const expression = patternOf(pattern as string)
  return {
    kind: 'number',
    shape: [],
    compute(row, target, at) {
      target[at] = expression.test(input.compute(row)) ? 1 : 0
    },
  }
}

/** The pattern's first group where it is first found, or all of the match without a group; empty where it is not. */
export function extract(input: ComputedText, { pattern }: Settings): ComputedText {
  const expression = patternOf(pattern as string)
  return {
    kind: 'text',
    compute(row) {
      const found = expression.exec(input.compute(row))
      return found?.[1] ?? (found && found.length === 1 ? found[0] : '')
    },
  }
}

/** Seconds since 1970 of a date in the text. */
export function time(input: ComputedText, span: Span, scope: ExpressionScope): ComputedNumbers {
  return {
    kind: 'number',
    shape: [],
    compute(row, target, at) {
      const text = input.compute(row)
      const seconds = readTime(text)
      if (seconds === undefined)
        throw new DataFault(
          'NN0411',
          span,
          `\`${text.slice(0, 40)}\` in ${scope.table.describeRow(row)} is no date`,
          'dates look like `2002-08-22 13:17:22`, `Thu, 22 Aug 2002 13:17:22 +0100` or `Thu Aug 22 13:17:22 2002`',
        )
      target[at] = seconds
    },
  }
}
