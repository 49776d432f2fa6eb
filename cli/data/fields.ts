/** The fields of a data block over one table, and their rows as typed arrays. Pure. */
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import { DataFault } from './data-fault.ts'
import { type Computed, type ComputedNumbers, type ComputedWindows, compileExpression } from './expression.ts'
import type { Learned, LearningRows } from './learned.ts'
import type { DataPlan } from './plan.ts'
import { sameShape, shapeText, sizeOf } from './shape.ts'
import type { Table } from './table.ts'
import { type JoinedSequences, joinSequences, windowStarts } from './window.ts'

/** An input of the model that wants feeding. */
export interface WantedInput {
  readonly name: string
  readonly dtype: 'f32' | 'i32' | 'bool'
  /** The shape of one row; absent where it is known only at run time. */
  readonly shape?: readonly number[]
  /** Of classes and ids: each is from 0 to one below it. */
  readonly limit?: number
}

/** Rows of one input, in C order; the leading size of `shape` is the number of rows. */
export interface FedTensor {
  readonly data: Float32Array | Int32Array
  readonly shape: readonly number[]
  /** Where each row begins in `data`; rows may overlap. Absent: one after the other. */
  readonly starts?: Int32Array
}

/** All inputs of an entry, with as many rows each. */
export interface FedRows {
  readonly inputs: Readonly<Record<string, FedTensor>>
  readonly rows: number
}

/** What was learned from the training rows: by field, in the order of the field's text. Plain JSON. */
export type LearnedFields = Readonly<Record<string, readonly Learned[]>>

export interface FieldColumns {
  /** The field or, failing that, the column of this name. */
  column(name: string): Computed | undefined
  /** The place of the field, or of the data block. */
  place(name: string): Span
  /** The names there are, for suggestions. */
  names(): readonly string[]
  /** What the fields asked for so far have learned. */
  learned(): LearnedFields
}

/** @param basis the rows to learn from, or what was learned before */
export function fieldColumns(plan: DataPlan, table: Table, basis: LearningRows | LearnedFields): FieldColumns {
  const learned: Record<string, Learned[]> = {}
  const compiled = new Map<string, Computed>()
  const compileField = (index: number): Computed => {
    const { name, value } = plan.fields[index]!
    const known = compiled.get(name)
    if (known) return known
    const own: Learned[] = []
    learned[name] = own
    const column = compileExpression(value, {
      table,
      field: (other) => {
        const at = plan.fields.findIndex((field) => field.name === other)
        return at >= 0 && at < index ? compileField(at) : undefined
      },
      known: () => (isLearningRows(basis) ? undefined : basis[name]?.[own.length]),
      learned: (span, learn) => {
        const found = isLearningRows(basis) ? learn(basis) : basis[name]?.[own.length]
        if (found === undefined)
          throw new DataFault(
            'NN0412',
            span,
            'the weights come without what was learned here from the training rows',
            'train again with this file',
          )
        own.push(found)
        return found
      },
    })
    compiled.set(name, column)
    return column
  }
  return {
    column(name) {
      const at = plan.fields.findIndex((field) => field.name === name)
      if (at >= 0) return compileField(at)
      if (!table.columns.has(name)) return undefined
      return compileExpression(
        { kind: 'name', name, span: plan.span },
        { table, field: () => undefined, learned: () => unreachable() },
      )
    },
    place: (name) => plan.fields.find((field) => field.name === name)?.value.span ?? plan.span,
    names: () => [...plan.fields.map((field) => field.name), ...table.columns.keys()],
    learned: () => learned,
  }
}

/**
 * The chosen rows of all inputs; where they are windows, the windows of the chosen rows. Throws {@link DataFault}
 * where a field is missing or does not fit.
 * @param runs which of the chosen rows follow one another, for windows of rows
 */
export function materialize(
  wanted: readonly WantedInput[],
  columns: FieldColumns,
  table: Table,
  chosen: ArrayLike<number>,
  runs: () => readonly Int32Array[],
): FedRows {
  const found = wanted.map((input) => ({ input, column: columnFor(input, columns) }))
  const windows = found.flatMap(({ input, column }) => (column.kind === 'windows' ? [{ input, column }] : []))
  const cut = windows.length > 0 ? cutWindows(windows, columns, table, chosen, runs) : undefined
  const inputs: Record<string, FedTensor> = {}
  for (const { input, column } of found) {
    const place = columns.place(input.name)
    if (column.kind === 'windows') {
      inputs[input.name] = cut!.tensorOf(input, column)
      continue
    }
    if (cut)
      throw new DataFault(
        'NN0412',
        place,
        `\`${input.name}\` has one value per row of ${table.origin}, and \`${windows[0]!.input.name}\` several windows`,
        'inputs of one train block are all windows or none is',
      )
    const data = numbersFor(input, column, place, table, chosen)
    inputs[input.name] = { data, shape: [chosen.length, ...column.shape] }
  }
  return { inputs, rows: cut ? cut.rows : chosen.length }
}

/** The column of an input, which fits it. */
function columnFor(input: WantedInput, columns: FieldColumns): ComputedNumbers | ComputedWindows {
  const column = columns.column(input.name)
  const place = columns.place(input.name)
  if (column === undefined) {
    const near = suggest(input.name, columns.names())
    throw new DataFault(
      'NN0414',
      place,
      `nothing here feeds the input \`${input.name}\``,
      near ? `did you mean \`${near}\`?` : `add a line \`${input.name} = …\``,
    )
  }
  if (column.kind === 'text')
    throw new DataFault(
      'NN0415',
      place,
      `\`${input.name}\` is text, and the input takes numbers`,
      `write \`${input.name} = category(…)\`, or \`words(…, length = …)\` for what is written in it`,
    )
  if (column.kind === 'sequence')
    throw new DataFault(
      'NN0415',
      place,
      `\`${input.name}\` has as many ids as each text has tokens, and the input takes rows of one size`,
      'cut it into windows, `window(…, length = 64)`, or give `characters` or `words` a `length`',
    )
  const shape = shapeOf(column)
  if (input.shape && !sameShape(shape, input.shape))
    throw new DataFault(
      'NN0415',
      place,
      `a row of \`${input.name}\` is ${shapeText(shape)}, and the input takes ${shapeText(input.shape)}`,
      input.shape.length === 1 && input.shape[0] === 1 && shape.length === 0
        ? 'put the value in brackets: `[…]`'
        : undefined,
    )
  return column
}

function shapeOf(column: ComputedNumbers | ComputedWindows): readonly number[] {
  if (column.kind === 'number') return column.shape
  return [column.length, ...(column.sequence.kind === 'number' ? column.sequence.shape : [])]
}

/** Windows of all inputs begin at the same tokens, or rows, so that a shifted one is the same window further on. */
function cutWindows(
  windows: readonly { readonly input: WantedInput; readonly column: ComputedWindows }[],
  columns: FieldColumns,
  table: Table,
  chosen: ArrayLike<number>,
  runs: () => readonly Int32Array[],
): { rows: number; tensorOf: (input: WantedInput, column: ComputedWindows) => FedTensor } {
  const [{ input: firstInput, column: first }] = windows as [(typeof windows)[number]]
  const reach = Math.max(...windows.map(({ column }) => column.length + column.shift))
  const joined = new Map<ComputedWindows['sequence'], JoinedSequences>()
  for (const { column } of windows) {
    const { sequence } = column
    if (joined.has(sequence)) continue
    // Of numbers, which rows follow one another; of tokens, the tokens themselves.
    const parts = sequence.kind === 'number' ? runs() : Array.from(chosen, (row) => sequence.compute(row))
    joined.set(sequence, joinSequences(parts))
  }
  const starts = windowStarts(joined.get(first.sequence)!, first.every, reach)
  for (const { input, column } of windows) {
    const { offsets } = joined.get(column.sequence)!
    const expected = joined.get(first.sequence)!.offsets
    const same =
      column.sequence.kind === first.sequence.kind &&
      offsets.length === expected.length &&
      offsets.every((at, index) => at === expected[index])
    if (column.every !== first.every || !same)
      throw new DataFault(
        'NN0412',
        columns.place(input.name),
        `the windows of \`${input.name}\` do not begin where those of \`${firstInput.name}\` do`,
        'give them the same `every`, and cut them from the same text or the same rows',
      )
  }
  return {
    rows: starts.length,
    tensorOf(input, { sequence, length, shift }) {
      const { data } = joined.get(sequence)!
      const inner = sequence.kind === 'number' ? sequence.shape : []
      const width = sizeOf(inner)
      const elements =
        sequence.kind === 'number'
          ? numbersFor(input, sequence, columns.place(input.name), table, data)
          : input.dtype === 'f32'
            ? Float32Array.from(data)
            : data
      return {
        data: elements,
        shape: [starts.length, length, ...inner],
        starts: shift === 0 && width === 1 ? starts : starts.map((start) => (start + shift) * width),
      }
    },
  }
}

function numbersFor(
  input: WantedInput,
  column: ComputedNumbers,
  place: Span,
  table: Table,
  chosen: ArrayLike<number>,
): Float32Array | Int32Array {
  return input.dtype === 'f32'
    ? floats(input.name, column, place, table, chosen)
    : integers(input, column, place, table, chosen)
}

function floats(
  name: string,
  column: ComputedNumbers,
  place: Span,
  table: Table,
  chosen: ArrayLike<number>,
): Float32Array {
  const size = sizeOf(column.shape)
  const data = new Float32Array(chosen.length * size)
  const values = new Float64Array(size)
  for (let n = 0; n < chosen.length; n++) {
    column.compute(chosen[n]!, values, 0)
    data.set(values, n * size)
    for (let i = 0; i < size; i++) {
      if (!Number.isFinite(data[n * size + i]!))
        throw new DataFault(
          'NN0411',
          place,
          `\`${name}\` is ${values[i]} in ${table.describeRow(chosen[n]!)}${Number.isFinite(values[i]) ? ', beyond f32' : ''}`,
          'leave such rows out with `where`, or bound the values with `clip(…)`',
        )
    }
  }
  return data
}

function integers(
  input: WantedInput,
  column: ComputedNumbers,
  place: Span,
  table: Table,
  chosen: ArrayLike<number>,
): Int32Array {
  const size = sizeOf(column.shape)
  const data = new Int32Array(chosen.length * size)
  const values = new Float64Array(size)
  for (let n = 0; n < chosen.length; n++) {
    column.compute(chosen[n]!, values, 0)
    for (let i = 0; i < size; i++) {
      const value = values[i]!
      data[n * size + i] = value
      if (data[n * size + i] !== value)
        throw new DataFault(
          'NN0415',
          place,
          `\`${input.name}\` is ${value} in ${table.describeRow(chosen[n]!)}, and the input takes whole numbers (${input.dtype})`,
        )
      if (input.limit !== undefined && (value < 0 || value >= input.limit))
        throw new DataFault(
          'NN0419',
          place,
          `\`${input.name}\` is ${value} in ${table.describeRow(chosen[n]!)}, and the model has ${input.limit === 1 ? 'only 0' : `0 to ${input.limit - 1}`}`,
          'number the values from 0 with `category(…)`, leave the row out with `where`, or give the model as many classes',
        )
    }
  }
  return data
}

function isLearningRows(basis: LearningRows | LearnedFields): basis is LearningRows {
  return 'all' in basis && 'train' in basis && basis.train instanceof Int32Array
}

function unreachable(): never {
  throw new Error('internal: data: a plain column learns nothing')
}
