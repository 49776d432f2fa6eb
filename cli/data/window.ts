/** Windows of token sequences and of a table's rows: rows that begin at places in one array and share its elements. Pure. */
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { DataFault } from './data-fault.ts'
import type { Computed, ComputedWindows } from './expression.ts'
import type { Settings } from './text-functions.ts'

/** `length` tokens or rows, a window beginning at every `every`-th; `shift` moves all of them towards the end. */
export function window(input: Computed, { length, every, shift }: Settings, span: Span): ComputedWindows {
  if (input.kind === 'text' || input.kind === 'windows')
    throw new DataFault(
      'NN0412',
      span,
      `\`window\` cuts numbers that follow one another, token by token or row by row, and ${input.kind === 'text' ? 'this is text' : 'these are windows'}`,
      input.kind === 'text' ? 'give it `characters(text)` or `words(text)` without a `length`' : undefined,
    )
  const size = length as number
  return {
    kind: 'windows',
    sequence: input,
    length: size,
    every: (every as number | undefined) ?? size,
    shift: (shift as number | undefined) ?? 0,
    absent: input.absent,
  }
}

/** Sequences one after the other: the tokens of some rows, or the numbers of rows that follow one another. */
export interface JoinedSequences {
  readonly data: Int32Array
  /** Where each sequence begins, and at last where all of them end. */
  readonly offsets: Int32Array
}

export function joinSequences(parts: readonly Int32Array[]): JoinedSequences {
  const offsets = new Int32Array(parts.length + 1)
  parts.forEach((part, index) => {
    offsets[index + 1] = offsets[index]! + part.length
  })
  const data = new Int32Array(offsets[parts.length]!)
  parts.forEach((part, index) => {
    data.set(part, offsets[index]!)
  })
  return { data, offsets }
}

/** Where windows begin, before any shift: `reach` tokens or rows fit into their sequence from there on. */
export function windowStarts({ offsets }: JoinedSequences, every: number, reach: number): Int32Array {
  const starts: number[] = []
  for (let index = 0; index + 1 < offsets.length; index++) {
    const end = offsets[index + 1]!
    for (let at = offsets[index]!; at + reach <= end; at += every) starts.push(at)
  }
  return Int32Array.from(starts)
}
