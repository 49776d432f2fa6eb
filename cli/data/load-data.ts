import { join } from 'node:path'
import type { DataDeclaration, StringLiteral } from '../../compiler/1-parse/ast.ts'
import type { SourceText } from '../source-file.ts'
import { DiagnosticsError, UserError } from '../user-error.ts'
import { DataFault } from './data-fault.ts'
import { readDataFile, readDataFiles } from './data-file.ts'
import { buildDataset, buildFolds, type Dataset, type FedInputs, type SourceTables } from './dataset.ts'
import { fieldColumns, type LearnedFields, materialize, type WantedInput } from './fields.ts'
import { keptRows } from './filter.ts'
import { type FoldRows, splitForFolds } from './folds.ts'
import { FormatError } from './format-error.ts'
import { type DataPlan, planData, type SourcePlan, takesMany } from './plan.ts'
import { readIdx } from './read-idx.ts'
import { readRecords } from './read-records.ts'
import { rowRuns } from './split.ts'
import type { Table } from './table.ts'

/**
 * Reads the files of a data block and evaluates it for the inputs of a train block.
 * @param known what an earlier run learned; learned from the training rows when absent
 * @throws DiagnosticsError for everything wrong with the block or its files
 */
export async function loadData(
  declaration: DataDeclaration,
  source: SourceText,
  wanted: readonly WantedInput[],
  known?: LearnedFields,
): Promise<Dataset> {
  return asDiagnostics(source, async () => {
    const plan = planOf(declaration, source)
    return buildDataset(plan, await readTables(plan, source), wanted, known)
  })
}

/**
 * Reads the files of a data block once for several folds of a cross-validation, each of which is a dataset with the rows
 * it is tested on as the part `test`.
 * @throws DiagnosticsError, UserError
 */
export async function loadFolds(
  declaration: DataDeclaration,
  source: SourceText,
  wanted: readonly WantedInput[],
  folds: { readonly count: number; readonly over: FoldRows },
): Promise<readonly (() => Promise<Dataset>)[]> {
  return asDiagnostics(source, async () => {
    const plan = planOf(declaration, source)
    splitForFolds(plan, folds.over)
    // The test part of the data is no test part of a fold; its files stay unread.
    const { test: _, ...rest } = plan
    const found = buildFolds(rest, await readTables(rest, source), wanted, folds)
    return found.map((build) => () => asDiagnostics(source, async () => build()))
  })
}

async function readTables(plan: DataPlan, { path }: SourceText): Promise<SourceTables> {
  const [main, valid, test] = await Promise.all(
    [plan.source, plan.valid, plan.test].map((part) => part && readTable(part, path)),
  )
  return { source: main!, ...(valid && { valid }), ...(test && { test }) }
}

/**
 * Rows of other files through the fields of a data block, with what was learned in training.
 * @param files one CSV or JSON file, or IDX images and labels; relative to `directory`
 */
export async function loadRows(
  declaration: DataDeclaration,
  source: SourceText,
  files: readonly string[],
  directory: string,
  wanted: readonly WantedInput[],
  known: LearnedFields,
): Promise<FedInputs> {
  const plan = planOf(declaration, source)
  const format = plan.source.format
  if (!takesMany(format) && files.length !== plan.source.paths.length)
    throw new UserError(
      `the data of ${source.name} is ${format}: give ${format === 'idx' ? 'the images and the labels' : 'one file'}`,
    )
  const { span } = plan.source
  const paths = files.map((value): StringLiteral => ({ kind: 'string', value, span }))
  const table = await readTable({ format, paths, span }, join(directory, source.name)).catch((error: unknown) => {
    throw error instanceof DataFault ? new UserError(error.message, error.diagnostic.hint) : error
  })
  return asDiagnostics(source, async () => {
    if (table.rows === 0) throw new UserError(`${table.origin} has no rows`)
    const columns = fieldColumns(plan, table, known)
    const chosen = keptRows(plan, table, wanted)
    return materialize(wanted, columns, table, chosen, () => rowRuns(plan, table, chosen)).inputs
  })
}

/** The block as a plan; throws its mistakes. */
export function planOf(declaration: DataDeclaration, source: SourceText): DataPlan {
  const { plan, diagnostics } = planData(declaration)
  if (!plan) throw new DiagnosticsError(diagnostics, new Map([[source.name, source.text]]))
  return plan
}

/** Runs an evaluation of a data block; what it throws about the data becomes diagnostics. */
export async function asDiagnostics<Result>(source: SourceText, evaluate: () => Promise<Result>): Promise<Result> {
  try {
    return await evaluate()
  } catch (error) {
    if (!(error instanceof DataFault)) throw error
    throw new DiagnosticsError([error.diagnostic], new Map([[source.name, source.text]]))
  }
}

async function readTable(plan: SourcePlan, sourcePath: string): Promise<Table> {
  const { format } = plan
  if (takesMany(format)) {
    const { readDocuments, readText } = await import('./read-text.ts')
    const read = format === 'text' ? readText : readDocuments
    return read(await readDataFiles(plan.paths, sourcePath), plan.paths.map(({ value }) => value).join(', '))
  }
  const files = await Promise.all(plan.paths.map((path) => readDataFile(path, sourcePath)))
  try {
    if (format === 'idx') return readIdx(files[0]!, files[1]!)
    const { bytes, name } = files[0]!
    if (format === 'json') return readRecords(bytes, name)
    const { readCsv } = await import('./read-csv.ts')
    return readCsv(bytes, name)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const code = ({ idx: 'NN0409', csv: 'NN0410', json: 'NN0418' } as const)[format]
    throw new DataFault(code, plan.span, error.message, error.hint)
  }
}
