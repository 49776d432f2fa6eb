import type {
  DataDeclaration,
  DataStatement,
  Expression,
  SplitManner,
  StringLiteral,
} from '../../compiler/1-parse/ast.ts'
import type { Diagnostic, Span } from '../../compiler/diagnostics/diagnostic.ts'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import { DataFault } from './data-fault.ts'
import { checkExpression } from './expression.ts'

export type Part = 'train' | 'valid' | 'test'

/** A data block in order: which files, which fields, which parts. */
export interface DataPlan {
  readonly name: string
  readonly span: Span
  readonly source: SourcePlan
  readonly valid?: SourcePlan
  readonly test?: SourcePlan
  readonly fields: readonly FieldPlan[]
  /** Which rows take part, in the order written. */
  readonly filters: readonly FilterPlan[]
  readonly split?: SplitPlan
}

export interface SourcePlan {
  readonly format: 'csv' | 'idx' | 'json' | 'text' | 'documents'
  readonly paths: readonly StringLiteral[]
  readonly span: Span
}

export interface FieldPlan {
  readonly name: string
  readonly value: Expression
  readonly span: Span
}

export type FilterPlan = Extract<DataStatement, { kind: 'where' | 'drop' }>

export interface SplitPlan {
  readonly parts: readonly { readonly part: Part; readonly percent: number }[]
  readonly seed: number
  /** Shuffled when absent. */
  readonly manner?: SplitManner
  readonly span: Span
}

type SourceStatement = Extract<DataStatement, { kind: 'source' }>
type SplitStatement = Extract<DataStatement, { kind: 'split' }>

const SOURCES: Readonly<Record<SourcePlan['format'], readonly string[]>> = {
  csv: ['the path of a file with a header row'],
  idx: ['the path of the images', 'the path of the labels'],
  json: ['the path of a file with a list of records'],
  text: ['the paths of files that make one text'],
  documents: ['the paths of files, one example each'],
}

/**
 * Reads a data block without opening any file. All mistakes are reported, the first per statement; the plan is
 * present when there are none.
 */
export function planData(declaration: DataDeclaration): { plan?: DataPlan; diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const sources = new Map<SourceStatement['role'], SourcePlan>()
  const fields = new Map<string, FieldPlan>()
  const filters: FilterPlan[] = []
  let split: SplitPlan | undefined

  const read = (statement: DataStatement): void => {
    switch (statement.kind) {
      case 'source': {
        if (sources.has(statement.role))
          throw new DataFault(
            'NN0403',
            statement.span,
            `\`${declaration.name.text}\` already has a \`${statement.role}\``,
          )
        sources.set(statement.role, planSource(statement))
        return
      }
      case 'field': {
        const name = statement.name.text
        if (fields.has(name)) throw new DataFault('NN0404', statement.name.span, `\`${name}\` is already given above`)
        checkExpression(statement.value)
        fields.set(name, { name, value: statement.value, span: statement.span })
        return
      }
      case 'split':
        if (split) throw new DataFault('NN0404', statement.span, 'a data block is split once')
        split = planSplit(statement)
        return
      case 'where':
        checkExpression(statement.condition)
        filters.push(statement)
        return
      case 'drop':
        for (const column of statement.columns) checkExpression(column)
        filters.push(statement)
    }
  }
  for (const statement of declaration.statements) attempt(() => read(statement), diagnostics)

  const source = sources.get('source')
  const valid = sources.get('valid')
  const test = sources.get('test')
  attempt(() => {
    const written = declaration.statements.some(
      (statement) => statement.kind === 'source' && statement.role === 'source',
    )
    if (!written)
      throw new DataFault(
        'NN0403',
        declaration.name.span,
        `\`${declaration.name.text}\` has no \`source\``,
        'add a line such as `source csv("rows.csv")`',
      )
    if (sources.get('source')?.format === 'text' && split && !isPlainOrder(split.manner))
      throw new DataFault(
        'NN0407',
        split.span,
        'one text has one order and is cut, not shuffled',
        'end the split with `in order`, or read the files one by one: `source documents(…)`',
      )
    for (const { part } of split?.parts ?? []) {
      if (part !== 'train' && sources.has(part))
        throw new DataFault('NN0407', split!.span, `\`${part}\` has its own source and cannot be split off as well`)
    }
  }, diagnostics)
  if (!source || diagnostics.length > 0) return { diagnostics }
  const plan: DataPlan = {
    name: declaration.name.text,
    span: declaration.name.span,
    source,
    ...(valid && { valid }),
    ...(test && { test }),
    fields: [...fields.values()],
    filters,
    ...(split && { split }),
  }
  return { plan, diagnostics }
}

function attempt(action: () => void, diagnostics: Diagnostic[]): void {
  try {
    action()
  } catch (error) {
    if (!(error instanceof DataFault)) throw error
    diagnostics.push(error.diagnostic)
  }
}

function planSource(statement: SourceStatement): SourcePlan {
  const { callee, arguments: given, span } = statement.call
  const format = callee.kind === 'name' ? callee.name : ''
  if (!isFormat(format)) {
    const near = suggest(format, Object.keys(SOURCES))
    const hint = near
      ? `did you mean \`${near}\`?`
      : 'there are `csv("table.csv")`, `json("records.json")`, `idx("images", "labels")`, `text("book.txt")` and `documents("letters/*.txt")`'
    throw new DataFault('NN0401', callee.span, `there is no source \`${format || 'of this form'}\``, hint)
  }
  const paths = given.map(({ name, value }) => (name === undefined && value.kind === 'string' ? value : undefined))
  const wanted = SOURCES[format]
  const fits = takesMany(format) ? paths.length > 0 : paths.length === wanted.length
  if (!fits || paths.some((path) => path === undefined))
    throw new DataFault('NN0402', span, `\`${format}\` takes ${wanted.join(' and ')}, in quotes`)
  return { format, paths: paths as StringLiteral[], span: statement.span }
}

function isFormat(name: string): name is SourcePlan['format'] {
  return Object.hasOwn(SOURCES, name)
}

/** Whether a source takes any number of paths, with `*` and `?` in them. */
export function takesMany(format: SourcePlan['format']): format is 'text' | 'documents' {
  return format === 'text' || format === 'documents'
}

/** One text is cut where its parts begin; there are no rows to put into an order of their own. */
function isPlainOrder(manner: SplitManner | undefined): boolean {
  return manner?.kind === 'in order' && !manner.of && !manner.by
}

function planSplit(statement: SplitStatement): SplitPlan {
  const { parts, manner, seed, span } = statement
  if (manner?.by) checkExpression(manner.by)
  if (manner?.kind === 'in order' && manner.of) checkExpression(manner.of)
  if (manner?.kind === 'in order' && seed)
    throw new DataFault('NN0407', seed.span, 'a split in order is not shuffled, so it has no seed', 'leave out `seed`')
  const total = parts.reduce((sum, part) => sum + part.percent, 0)
  for (const [index, { role, percent, span: place }] of parts.entries()) {
    if (parts.findIndex((other) => other.role === role) < index)
      throw new DataFault('NN0407', place, `\`${role}\` is already a part of this split`)
    if (!(percent > 0)) throw new DataFault('NN0407', place, `\`${role}\` gets ${percent} %; leave it out instead`)
  }
  if (!parts.some(({ role }) => role === 'train')) throw new DataFault('NN0407', span, 'a split needs a part `train`')
  if (Math.abs(total - 100) > 1e-9)
    throw new DataFault('NN0407', span, `the parts sum to ${Number(total.toPrecision(12))} %, not to 100 %`)
  return {
    parts: parts.map(({ role, percent }) => ({ part: role, percent })),
    seed: seed?.value ?? 0,
    ...(manner && { manner }),
    span,
  }
}
