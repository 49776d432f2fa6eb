/** Where in an epoch training stands, so that a run interrupted there goes on with the next batch. */
import type { Engine } from './engine.ts'
import type { Plan } from './fit-plan.ts'
import type { ManifestTrain } from './manifest.ts'
import type { MeasuresRecord } from './measures.ts'
import type { StoredTensor } from './safetensors.ts'

/** An epoch some of whose steps have been taken. */
export interface EpochRecord extends EpochOrder {
  /** Steps taken of the epoch: neither none nor all. */
  readonly step: number
  /** The model's steps at that time: any other training since makes the record void. */
  readonly steps: number
  readonly seconds: number
  readonly measures: MeasuresRecord
}

/** What decides which rows an epoch's steps take. */
export interface EpochOrder {
  readonly train: string
  readonly epoch: number
  readonly rows: number
  readonly batch: number
  readonly seed: number
  readonly shuffle: boolean
}

export function epochOrder(settings: ManifestTrain, { train, batch, seed, shuffle }: Plan, epoch: number): EpochOrder {
  return { train: settings.name, epoch, rows: train.rows, batch, seed, shuffle }
}

/** The record of the epoch a run begins with, if its steps are those of this order and nothing has been trained since. */
export function epochToGoOnWith(engine: Engine, order: EpochOrder): EpochRecord | undefined {
  const record = engine.memory.epoch?.()
  if (record === undefined || record.steps !== stepsOf(engine)) return undefined
  const same = (Object.keys(order) as (keyof EpochOrder)[]).every((key) => record[key] === order[key])
  return same ? record : undefined
}

/** Training steps the model has taken. */
export function stepsOf({ integers, manifest }: Engine): number {
  return integers[manifest.stepOffset / 4]!
}

/** The part of a record that is JSON; sums may be no finite numbers, so they are text. */
export type StoredEpoch = Omit<EpochRecord, 'measures'> & {
  readonly sums: readonly string[]
  readonly weight: number
}

/** What its tensors are called; no variable's name begins so. */
export const EPOCH = 'nnc.epoch/'

/** Puts the totals and columns of the metrics among the tensors. */
export function storeEpoch({ measures, ...facts }: EpochRecord, tensors: Map<string, StoredTensor>): StoredEpoch {
  const put = (name: string, dtype: 'I32' | 'F32', { buffer, byteOffset, byteLength, length }: TypedArray): void => {
    tensors.set(`${EPOCH}${name}`, { dtype, shape: [length], bytes: new Uint8Array(buffer, byteOffset, byteLength) })
  }
  measures.totals.forEach((words, index) => void put(`total.${index}`, 'I32', words))
  measures.columns.forEach((values, index) => void put(`column.${index}`, 'F32', values))
  return { ...facts, sums: measures.sums.map(String), weight: measures.weight }
}

type TypedArray = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>

/** The record, or none where the file does not hold all of it. */
export function readEpoch(
  { sums, weight, ...facts }: StoredEpoch,
  tensors: ReadonlyMap<string, StoredTensor>,
): EpochRecord | undefined {
  const wordsOf = (kind: string): Uint8Array<ArrayBuffer>[] => {
    const found: Uint8Array<ArrayBuffer>[] = []
    // Copies, because a tensor's place in a file is not aligned.
    for (let tensor = tensors.get(`${EPOCH}${kind}.0`); tensor; tensor = tensors.get(`${EPOCH}${kind}.${found.length}`))
      found.push(Uint8Array.from(tensor.bytes))
    return found
  }
  if (!Array.isArray(sums)) return undefined
  return {
    ...facts,
    measures: {
      sums: sums.map(Number),
      weight,
      totals: wordsOf('total').map(({ buffer }) => new Int32Array(buffer)),
      columns: wordsOf('column').map(({ buffer }) => new Float32Array(buffer)),
    },
  }
}
