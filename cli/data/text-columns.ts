/** Functions of a data block that work on text. Pure. */
import type { CallExpression } from '../../compiler/1-parse/ast.ts'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import type { Vocabulary } from '../../runtime/api.ts'
import { createTokenizer, PADDING, RESERVED, tokensOf } from '../../runtime/tokenizer.ts'
import { DataFault } from './data-fault.ts'
import type { Computed, ComputedNumbers, ComputedSequence, ComputedText, ExpressionScope } from './expression.ts'
import { changed } from './learned.ts'
import { nearCopies } from './near-copies.ts'
import { readTime } from './read-time.ts'
import { textOf } from './row-values.ts'
import { nameOf, patternOf, type Settings, settingsOf } from './text-functions.ts'
import { window } from './window.ts'

/** Words kept when `words` is not told how many ids there may be. */
const DEFAULT_WORDS = 10_000

/** One of the functions for text, of what it works on. */
export function computeTextFunction(
  call: CallExpression,
  input: Computed,
  place: Span,
  scope: ExpressionScope,
): Computed {
  const { span } = call
  const name = nameOf(call)
  const settings = settingsOf(call)
  if (name === 'window') return window(input, settings, span)
  // Near-copies are of texts alone; other functions take what is written where this file has numbers, as another may have text.
  const text = name === 'near_copies' && input.kind !== 'text' ? undefined : textOf(input)
  if (!text) throw new DataFault('NN0411', place, `\`${name}\` works on text, and this is not`)
  switch (name) {
    case 'characters':
    case 'words':
      return tokenIds(name, text, settings, span, scope)
    case 'matches':
      return matches(text, settings)
    case 'extract':
      return extract(text, settings)
    case 'replace':
      return replace(text, settings)
    case 'time':
      return time(text, span, scope)
    case 'near_copies':
      return copies(text, settings, scope)
    default:
      throw new Error(`internal: data: ${name} is no function for text`)
  }
}

/**
 * Token ids of a text, with a vocabulary learned from the training rows: a sequence as long as the text, or, with
 * `length`, rows of that many ids, cut off or padded with 0 at the end.
 */
function tokenIds(
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
  const { absent } = input
  if (length === undefined) return { kind: 'sequence', absent, compute: (row) => tokenizer.encode(input.compute(row)) }
  return {
    kind: 'number',
    shape: [length],
    absent,
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
function matches(input: ComputedText, { pattern }: Settings): ComputedNumbers {
  const expression = patternOf(pattern as string)
  return {
    kind: 'number',
    shape: [],
    absent: input.absent,
    compute(row, target, at) {
      target[at] = expression.test(input.compute(row)) ? 1 : 0
    },
  }
}

/** The pattern's first group where it is first found, or all of the match without a group; missing where it is not. */
function extract(input: ComputedText, { pattern }: Settings): ComputedText {
  const expression = patternOf(pattern as string)
  return {
    kind: 'text',
    absent: (row) => input.absent(row) || !expression.test(input.compute(row)),
    compute(row) {
      const found = expression.exec(input.compute(row))
      return found?.[1] ?? (found && found.length === 1 ? found[0] : '')
    },
  }
}

/** Every match of the pattern gives way to another text, in which $1 is the match's first group. */
function replace(input: ComputedText, { pattern, by }: Settings): ComputedText {
  const expression = patternOf(pattern as string, 'g')
  return {
    kind: 'text',
    absent: input.absent,
    compute: (row) => input.compute(row).replace(expression, by as string),
  }
}

/** How much of their text copies have in common when `near_copies` is not told. */
const DEFAULT_PERCENT = 80

/** A number that rows have in common whose texts are nearly the same: the first one's, among all rows of the table. */
function copies(
  input: ComputedText,
  { percent = DEFAULT_PERCENT }: Settings,
  { table }: ExpressionScope,
): ComputedNumbers {
  let found: Int32Array | undefined
  return {
    kind: 'number',
    shape: [],
    absent: () => false,
    compute(row, target, at) {
      found ??= nearCopies(
        Array.from({ length: table.rows }, (_, each) => (input.absent(each) ? undefined : input.compute(each))),
        (percent as number) / 100,
      )
      target[at] = found[row]!
    },
  }
}

/** Seconds since 1970 of a date in the text. */
function time(input: ComputedText, span: Span, scope: ExpressionScope): ComputedNumbers {
  return {
    kind: 'number',
    shape: [],
    absent: input.absent,
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
