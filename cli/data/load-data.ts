import { join } from 'node:path'
import type { DataDeclaration, StringLiteral } from '../../compiler/1-parse/ast.ts'
import type { SourceText } from '../source-file.ts'
import { UserError } from '../user-error.ts'
import { DataFault } from './data-fault.ts'
import { filesBeside } from './data-file.ts'
import { buildFolds, type Dataset, type FedInputs } from './dataset.ts'
import { fieldColumns, type LearnedFields, materialize, type WantedInput } from './fields.ts'
import { keptRows } from './filter.ts'
import { type FoldRows, splitForFolds } from './folds.ts'
import { takesMany } from './plan.ts'
import { asDiagnostics, planOf, readDataset, readTable, readTables } from './read-dataset.ts'
import { rowRuns } from './split.ts'

/**
 * Reads the files of a data block, beside the `.nn` file or from packages, and evaluates it for the inputs of a train block.
 * @param known what an earlier run learned; learned from the training rows when absent
 * @throws DiagnosticsError for everything wrong with the block or its files
 */
export function loadData(
  declaration: DataDeclaration,
  source: SourceText,
  wanted: readonly WantedInput[],
  known?: LearnedFields,
): Promise<Dataset> {
  return readDataset(declaration, source, wanted, filesBeside(source.path), known)
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
    const found = buildFolds(rest, await readTables(rest, filesBeside(source.path)), wanted, folds)
    return found.map((build) => () => asDiagnostics(source, async () => build()))
  })
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
  const table = await readTable({ format, paths, span }, filesBeside(join(directory, source.name))).catch(
    (error: unknown) => {
      throw error instanceof DataFault ? new UserError(error.message, error.diagnostic.hint) : error
    },
  )
  return asDiagnostics(source, async () => {
    if (table.rows === 0) throw new UserError(`${table.origin} has no rows`)
    const columns = fieldColumns(plan, table, known)
    const chosen = keptRows(plan, table, wanted)
    return materialize(wanted, columns, table, chosen, () => rowRuns(plan, table, chosen)).inputs
  })
}
