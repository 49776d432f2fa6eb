import type { ManifestTrain } from '../../runtime/manifest.ts'
import type { Dataset } from '../data/dataset.ts'
import type { FoldRows } from '../data/folds.ts'
import { loadData, loadFolds } from '../data/load-data.ts'
import {
  chooseTrain,
  dataOf,
  type OpenModel,
  type OpenOptions,
  openModel,
  stepEntry,
  wantedInputs,
} from '../open-model.ts'
import type { Assignments } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import type { Tries } from './space.ts'

/** What `nnc sweep` is told. */
export interface SweepOptions extends OpenOptions {
  readonly train?: string
  readonly epochs?: number
  readonly batch?: number
  readonly seed?: number
  readonly hyper?: Assignments
  readonly trials: number
  readonly tries: Tries
  readonly by?: string
  readonly folds?: number
  readonly foldsOver: FoldRows
  /** False: every trial runs to its end. */
  readonly leave: boolean
  readonly out: string
  readonly resume?: true
}

/** The model with one setting of the constants, and its data. */
export interface Prepared {
  readonly open: OpenModel
  readonly settings: ManifestTrain
  readonly set: Assignments
  /** Without folds. */
  readonly dataset?: Dataset
  readonly folds: readonly (() => Promise<Dataset>)[]
}

/** Opens the file with values for its constants. */
export type Preparer = (constants: Assignments) => Promise<Prepared>

/** Keeps the model it opened last: neighbouring trials often agree in their constants. */
export function preparer(file: string, options: SweepOptions, terminal: Terminal): Preparer {
  const said = new Set<string>()
  // The same warnings come with every module.
  const once: Terminal = {
    ...terminal,
    writeError(text) {
      if (!said.has(text)) terminal.writeError(text)
      said.add(text)
    },
  }
  let latest: Prepared | undefined
  return async (constants) => {
    const set = { ...options.set, ...constants }
    if (latest && JSON.stringify(latest.set) === JSON.stringify(set)) return latest
    latest?.open.model.close()
    latest = undefined
    const open = await openModel(file, { ...options, set, purpose: 'training' }, once)
    latest = { open, set, ...(await readData(open, options)) }
    return latest
  }
}

async function readData(
  { compiled, model }: OpenModel,
  { train, folds, foldsOver }: SweepOptions,
): Promise<Pick<Prepared, 'settings' | 'dataset' | 'folds'>> {
  const settings = chooseTrain(model, compiled.source.name, train)
  const wanted = wantedInputs(stepEntry(model, settings), settings.batchDim)
  const declaration = dataOf(compiled, settings)
  if (folds === undefined) return { settings, dataset: await loadData(declaration, compiled.source, wanted), folds: [] }
  const over = foldsOver
  return { settings, folds: await loadFolds(declaration, compiled.source, wanted, { count: folds, over }) }
}
