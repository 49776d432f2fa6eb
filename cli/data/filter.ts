/** Which rows of a table take part: `where`, `drop missing` and `drop duplicates`, in the order they are written. Pure. */
import type { Expression } from '../../compiler/1-parse/ast.ts'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { truth } from './condition.ts'
import { DataFault } from './data-fault.ts'
import { type Computed, compileExpression, type ExpressionScope } from './expression.ts'
import type { DataPlan, FilterPlan } from './plan.ts'
import { allRows } from './split.ts'
import type { Table } from './table.ts'

/** @param wanted the inputs of the model: those without a field read the column of their name */
export function keptRows(plan: DataPlan, table: Table, wanted: readonly { readonly name: string }[]): Int32Array {
  let rows = allRows(table.rows)
  for (const filter of plan.filters) {
    rows =
      filter.kind === 'where'
        ? whereHolds(filter.condition, plan, table, rows)
        : filter.what === 'missing'
          ? withoutMissing(filter, plan, table, rows, wanted)
          : withoutDuplicates(filter, plan, table, rows)
    if (rows.length === 0 && table.rows > 0)
      throw new DataFault('NN0416', filter.span, `no row of ${table.origin} is left after this`)
  }
  return rows
}

function whereHolds(condition: Expression, plan: DataPlan, table: Table, rows: Int32Array): Int32Array {
  const holds = truth(compileExpression(condition, filterScope(plan, table)), condition.span, 'where')
  return rows.filter(holds)
}

/**
 * Of rows to be predicted, those the block leaves out, each with the statement that does: a `where` that does not hold,
 * or `drop missing` where one of the `needed` columns has no value. A `where` about columns the table does not have, as that of
 * the label, leaves all rows, and so does `drop duplicates`.
 */
export function refusedRows(
  plan: DataPlan,
  table: Table,
  needed: readonly Computed[],
): ReadonlyMap<number, FilterPlan> {
  const refused = new Map<number, FilterPlan>()
  let rows = allRows(table.rows)
  for (const filter of plan.filters) {
    let keeps: (row: number) => boolean
    if (filter.kind === 'where') {
      if (!isKnown(filter.condition, plan, table, plan.fields.length)) continue
      const condition = compileExpression(filter.condition, filterScope(plan, table))
      const holds = truth(condition, filter.condition.span, 'where')
      keeps = (row) => !condition.absent(row) && holds(row)
    } else if (filter.what === 'missing') keeps = (row) => !needed.some((column) => column.absent(row))
    else continue
    for (const row of rows) if (!keeps(row)) refused.set(row, filter)
    rows = rows.filter((row) => !refused.has(row))
  }
  return refused
}

/** Whether an expression reads nothing but columns of the table, and fields above it that are made of such. */
function isKnown(expression: Expression, plan: DataPlan, table: Table, above: number): boolean {
  return [...namesIn(expression)].every((name) => {
    if (table.columns.has(name)) return true
    const at = plan.fields.findIndex((field) => field.name === name)
    return at >= 0 && at < above && isKnown(plan.fields[at]!.value, plan, table, at)
  })
}

/** Columns and fields an expression reads. */
export function* namesIn(expression: Expression): Generator<string, void, void> {
  switch (expression.kind) {
    case 'name':
      yield expression.name
      return
    case 'unary':
      yield* namesIn(expression.operand)
      return
    case 'binary':
      yield* namesIn(expression.left)
      yield* namesIn(expression.right)
      return
    case 'list':
      for (const item of expression.items) yield* namesIn(item)
      return
    case 'call': {
      const { callee, arguments: given } = expression
      const isColumn = callee.kind === 'name' && callee.name === 'column'
      for (const { value } of given)
        if (isColumn && value.kind === 'string') yield value.value
        // What a place is filled with, as `mean`, is no column.
        else if (!(callee.kind === 'name' && callee.name === 'fill') || value === given[0]!.value) yield* namesIn(value)
    }
  }
}

type Drop = Extract<FilterPlan, { kind: 'drop' }>

function withoutMissing(
  { columns, span }: Drop,
  plan: DataPlan,
  table: Table,
  rows: Int32Array,
  wanted: readonly { readonly name: string }[],
): Int32Array {
  const scope = filterScope(plan, table)
  const needed =
    columns.length > 0
      ? columns.map((column) => compileExpression(column, scope))
      : readColumns(plan, table, wanted, span).map((column) => compileExpression(column, scope))
  return rows.filter((row) => !needed.some((column) => column.absent(row)))
}

/** The columns and numbers in text the block needs a value of: those `fill` and `missing` take care of are not among them. */
function readColumns(
  plan: DataPlan,
  table: Table,
  wanted: readonly { readonly name: string }[],
  span: Span,
): readonly Expression[] {
  const names = new Set<string>()
  const numbers: Expression[] = []
  const visit = (expression: Expression): void => {
    switch (expression.kind) {
      case 'name':
        names.add(expression.name)
        return
      case 'unary':
        visit(expression.operand)
        return
      case 'binary':
        visit(expression.left)
        visit(expression.right)
        return
      case 'list':
        expression.items.forEach(visit)
        return
      case 'call': {
        const { callee, arguments: given } = expression
        const user = callee.kind === 'name' ? callee.name : ''
        if (user === 'fill' || user === 'missing') return
        // A text that is no number is missing, too.
        if (user === 'number' && !callsWithin(expression).has('fill')) numbers.push(expression)
        const [first] = given
        if (user === 'column' && first?.value.kind === 'string') names.add(first.value.value)
        else for (const { value } of given) visit(value)
      }
    }
  }
  for (const { value } of plan.fields) visit(value)
  for (const { name } of wanted) if (!plan.fields.some((field) => field.name === name)) names.add(name)
  const columns = [...names].filter((name) => table.columns.has(name))
  return [...columns.map((name): Expression => ({ kind: 'name', name, span })), ...numbers]
}

/** The functions an expression calls. */
function callsWithin(expression: Expression): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (part: Expression): void => {
    if (part.kind === 'call') {
      if (part.callee.kind === 'name') found.add(part.callee.name)
      for (const { value } of part.arguments) visit(value)
    } else if (part.kind === 'binary') {
      visit(part.left)
      visit(part.right)
    }
  }
  visit(expression)
  return found
}

function withoutDuplicates({ columns, span }: Drop, plan: DataPlan, table: Table, rows: Int32Array): Int32Array {
  const scope = filterScope(plan, table)
  const compared =
    columns.length > 0
      ? columns.map((column) => compileExpression(column, scope))
      : [...table.columns]
          .filter(([, { kind }]) => kind !== 'unfit')
          .map(([name]) => compileExpression({ kind: 'name', name, span }, scope))
  const unfit = columns.length > 0 ? [] : [...table.columns.values()].filter(({ kind }) => kind === 'unfit')
  const seen = new Set<string>()
  return rows.filter((row) => {
    const key = JSON.stringify([
      ...compared.map((column) => cellOf(column, row)),
      ...unfit.map(({ values }) => values[row] ?? null),
    ])
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  })
}

function cellOf(column: Computed, row: number): string | readonly number[] | null {
  if (column.absent(row)) return null
  if (column.kind === 'text') return column.compute(row)
  if (column.kind === 'windows') return cellOf(column.sequence, row)
  if (column.kind === 'sequence') return [...column.compute(row)]
  const values = new Float64Array(column.shape.reduce((product, size) => product * size, 1))
  column.compute(row, values, 0)
  return [...values]
}

/** Columns, and fields that learn nothing, each made of those above it: what is learned is learned from the rows left. */
function filterScope(plan: DataPlan, table: Table, above = plan.fields.length): ExpressionScope {
  return {
    table,
    field: (name) => {
      const at = plan.fields.findIndex((field) => field.name === name)
      if (at < 0 || at >= above) return undefined
      return compileExpression(plan.fields[at]!.value, filterScope(plan, table, at))
    },
    learned: (span: Span) => {
      throw new DataFault(
        'NN0417',
        span,
        'this learns from the training rows, and which rows those are is only being decided',
        'choose rows by the columns of the file',
      )
    },
  }
}
