/** The fields of a data block over one table, and their rows as typed arrays. Pure. */
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import { DataFault } from './data-fault.ts'
import { type Computed, type ComputedNumbers, compileExpression } from './expression.ts'
import type { Learned, LearningRows } from './learned.ts'
import type { DataPlan } from './plan.ts'
import { sameShape, shapeText, sizeOf } from './shape.ts'
import type { Table } from './table.ts'

/** An input of the model that wants feeding. */
export interface WantedInput {
  readonly name: string
  readonly dtype: 'f32' | 'i32' | 'bool'
  /** The shape of one row; absent where it is known only at run time. */
  readonly shape?: readonly number[]
}

/** Rows of one input, in C order; the leading size of `shape` is the number of rows. */
export interface FedTensor {
  readonly data: Float32Array | Int32Array
  readonly shape: readonly number[]
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

/** The chosen rows of one input. Throws {@link DataFault} where the field is missing or does not fit. */
export function materialize(
  input: WantedInput,
  columns: FieldColumns,
  table: Table,
  chosen: ArrayLike<number>,
): FedTensor {
  const column = columns.column(input.name)
  if (column === undefined) {
    const near = suggest(input.name, columns.names())
    throw new DataFault(
      'NN0414',
      columns.place(input.name),
      `nothing here feeds the input \`${input.name}\``,
      near ? `did you mean \`${near}\`?` : `add a line \`${input.name} = …\``,
    )
  }
  const place = columns.place(input.name)
  if (column.kind === 'text')
    throw new DataFault(
      'NN0415',
      place,
      `\`${input.name}\` is text, and the input takes numbers`,
      `write \`${input.name} = category(…)\``,
    )
  if (input.shape && !sameShape(column.shape, input.shape))
    throw new DataFault(
      'NN0415',
      place,
      `a row of \`${input.name}\` is ${shapeText(column.shape)}, and the input takes ${shapeText(input.shape)}`,
      input.shape.length === 1 && input.shape[0] === 1 && column.shape.length === 0
        ? 'put the value in brackets: `[…]`'
        : undefined,
    )
  const data =
    input.dtype === 'f32'
      ? floats(input.name, column, place, table, chosen)
      : integers(input, column, place, table, chosen)
  return { data, shape: [chosen.length, ...column.shape] }
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
        throw new DataFault('NN0411', place, `\`${name}\` is ${values[i]} in ${table.describeRow(chosen[n]!)}`)
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
