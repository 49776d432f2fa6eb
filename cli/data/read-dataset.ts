/** A data block's tables, however its files are opened: on a disk, or in a page. */
import type { DataDeclaration, StringLiteral } from '../../compiler/1-parse/ast.ts'
import type { SourceText } from '../source-file.ts'
import { DiagnosticsError } from '../user-error.ts'
import { DataFault } from './data-fault.ts'
import type { DataFile } from './data-file.ts'
import { buildDataset, type Dataset, type SourceTables } from './dataset.ts'
import type { LearnedFields, WantedInput } from './fields.ts'
import { FormatError } from './format-error.ts'
import { type DataPlan, planData, type SourcePlan, takesMany } from './plan.ts'
import { readIdx } from './read-idx.ts'
import { readRecords } from './read-records.ts'
import type { Table } from './table.ts'

/** Opens the files a data block names. Throws {@link DataFault} at the path's place. */
export interface FileOpener {
  one(path: StringLiteral): Promise<DataFile>
  /** Of paths in which `*` and `?` may stand for any characters. */
  many(paths: readonly StringLiteral[]): Promise<readonly DataFile[]>
}

/**
 * Reads the files of a data block and evaluates it for the inputs of a train block.
 * @param known what an earlier run learned; learned from the training rows when absent
 * @throws DiagnosticsError for everything wrong with the block or its files
 */
export async function readDataset(
  declaration: DataDeclaration,
  source: SourceText,
  wanted: readonly WantedInput[],
  open: FileOpener,
  known?: LearnedFields,
): Promise<Dataset> {
  return asDiagnostics(source, async () => {
    const plan = planOf(declaration, source)
    return buildDataset(plan, await readTables(plan, open), wanted, known)
  })
}

/** The tables of a plan's sources. */
export async function readTables(plan: DataPlan, open: FileOpener): Promise<SourceTables> {
  const [main, valid, test] = await Promise.all(
    [plan.source, plan.valid, plan.test].map((part) => part && readTable(part, open)),
  )
  return { source: main!, ...(valid && { valid }), ...(test && { test }) }
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

/** A table from the files of a source. */
export async function readTable(plan: SourcePlan, open: FileOpener): Promise<Table> {
  const { format } = plan
  if (takesMany(format)) {
    const { readDocuments, readText } = await import('./read-text.ts')
    const read = format === 'text' ? readText : readDocuments
    return read(await open.many(plan.paths), plan.paths.map(({ value }) => value).join(', '))
  }
  const files = await Promise.all(plan.paths.map((path) => open.one(path)))
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
