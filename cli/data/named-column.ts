/** Columns of the file by name, and what they are taken for. Pure. */
import type { Expression } from '../../compiler/1-parse/ast.ts'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import { DataFault } from './data-fault.ts'
import { decimalNumber } from './decimal-number.ts'
import type { Computed, ComputedNumbers, ComputedText, ExpressionScope } from './expression.ts'
import { rowValues } from './row-values.ts'
import { sizeOf } from './shape.ts'
import type { NumberColumn, Table, TextColumn } from './table.ts'

/** The column or, failing that, the field above of this name. Throws {@link DataFault} where there is neither. */
export function named(name: string, span: Span, scope: ExpressionScope): Computed {
  const { table } = scope
  const raw = table.columns.get(name)
  if (raw === undefined) {
    const field = scope.field(name)
    if (field) return field
    const names = [...table.columns.keys()]
    const near = suggest(name, names)
    const listed = names.slice(0, 12).join(', ') + (names.length > 12 ? ', …' : '')
    throw new DataFault(
      'NN0406',
      span,
      `${table.origin} has no column \`${name}\``,
      near ? `did you mean \`${near}\`?` : `its columns are ${listed}`,
    )
  }
  if (raw.kind === 'unfit')
    throw new DataFault(
      'NN0418',
      span,
      raw.reason,
      'a column is all text, all numbers, or all lists of numbers of one shape',
    )
  return raw.kind === 'text' ? textColumn(raw, name, span, table) : numberColumn(raw, name, span, table)
}

function textColumn({ values }: TextColumn, name: string, span: Span, table: Table): ComputedText {
  return {
    kind: 'text',
    empty: values.every((value) => value === undefined),
    absent: (row) => values[row] === undefined,
    compute: (row) => values[row] ?? missing(name, row, values.filter((v) => v === undefined).length, span, table),
  }
}

function numberColumn(raw: NumberColumn, name: string, span: Span, table: Table): ComputedNumbers {
  const { values, shape, texts } = raw
  const size = sizeOf(shape)
  const absent = new Set(raw.missing)
  const none = (): never => missing(name, raw.missing[0]!, absent.size, span, table)
  return {
    kind: 'number',
    shape,
    absent: (row) => absent.has(row),
    compute(row, target, at) {
      if (absent.has(row)) none()
      const from = row * size
      for (let i = 0; i < size; i++) target[at + i] = values[from + i]!
    },
    ...(texts && {
      written: { kind: 'text', absent: (row) => absent.has(row), compute: (row) => texts()[row] ?? none() },
    }),
  }
}

function missing(name: string, row: number, count: number, span: Span, table: Table): never {
  const more = count > 1 ? `, the first of ${count} missing values` : ''
  throw new DataFault(
    'NN0411',
    span,
    `column \`${name}\` has no value in ${table.describeRow(row)}${more}`,
    `leave such rows out with \`drop missing\`, or fill them in: \`fill(${referenceTo(name)}, median)\``,
  )
}

/** How the data block calls a column. */
function referenceTo(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `column("${name}")`
}

/** A column without any value as numbers: none is there, and reading one is an error. */
export function emptyNumbers(column: ComputedText): ComputedNumbers {
  return { kind: 'number', shape: [], absent: column.absent, compute: (row) => void column.compute(row) }
}

/** What an operator or function that needs numbers works on. Throws {@link DataFault} for text. */
export function asNumbers(
  computed: Computed,
  expression: Expression,
  scope: ExpressionScope,
  user: string,
): ComputedNumbers {
  const column = rowValues(computed, expression.span, user)
  if (column.kind === 'number') return column
  if (column.empty) return emptyNumbers(column)
  const name = columnName(expression)
  const raw = name === undefined ? undefined : scope.table.columns.get(name)
  const { cell, hint } = raw?.kind === 'text' ? oddText(raw, referenceTo(name!), scope.table) : NO_CELL
  throw new DataFault('NN0411', expression.span, `\`${user}\` needs numbers, and this is text${cell}`, hint)
}

function columnName(expression: Expression): string | undefined {
  if (expression.kind === 'name') return expression.name
  if (expression.kind !== 'call' || expression.callee.kind !== 'name' || expression.callee.name !== 'column')
    return undefined
  const [first] = expression.arguments
  return first?.value.kind === 'string' ? first.value.value : undefined
}

const NO_CELL = {
  cell: '',
  hint: 'number its values with `category(…)` or `one_hot(…)`, or read the numbers in it with `number(…)`',
}

/** ": `setosa` in row 2 of iris.csv", the cell that made a column text, and what to do about the like of it. */
function oddText({ values }: TextColumn, column: string, table: Table): { cell: string; hint: string } {
  const isOdd = (value: string | undefined): boolean => value !== undefined && decimalNumber(value) === undefined
  const row = values.findIndex(isOdd)
  if (row < 0) {
    return {
      cell: ': numbers in quotation marks',
      hint: `\`number(${column})\` reads the numbers in it`,
    }
  }
  const value = values[row]!
  const cell = `: \`${value}\` in ${table.describeRow(row)}`
  const numbers = values.filter((each) => each !== undefined && decimalNumber(each) !== undefined).length
  if (/^[+-]?\d+,\d+$/.test(value))
    return { cell, hint: `if this is a decimal comma: \`number(replace(${column}, ",", "."))\`` }
  if (/\d/.test(value) && Number.isNaN(Number(value)) && !/[a-z]{4}/i.test(value))
    return { cell, hint: `\`number(replace(${column}, "[^0-9.eE+-]", ""))\` reads the number in it` }
  return numbers > 0
    ? {
        cell,
        hint: `if it stands for a missing value: \`drop missing in number(${column})\`, or \`fill(number(${column}), median)\``,
      }
    : { cell, hint: 'number its values with `category(…)` or `one_hot(…)`' }
}
