import type { Manifest, ManifestTrain, ManifestVariable } from './manifest.ts'
import { elementCount, shapeValue } from './size.ts'

/** The states a train block with `batch … in streams` carries from batch to batch. */
export interface CarriedStates {
  /** To be called after each initialisation: what passes over the data start from. */
  remember(): void
  /** Puts the first values back, for a new pass over the data. */
  begin(train: ManifestTrain): void
  /** Keeps the present values; the returned function puts them back. */
  setAside(train: ManifestTrain): () => void
}

export function createCarriedStates(manifest: Manifest, integers: Int32Array): CarriedStates {
  const largest = Object.fromEntries(manifest.dims.map((dim) => [dim.name, dim.maximum]))
  const first = new Map<ManifestVariable, Int32Array>()
  const statesOf = (train: ManifestTrain): readonly ManifestVariable[] =>
    train.order !== 'streams'
      ? []
      : manifest.variables.filter(({ kind, name }) => kind === 'state' && name.startsWith(`${train.name}/`))
  const bitsOf = ({ offset, shape }: ManifestVariable): Int32Array =>
    integers.subarray(offset / 4, offset / 4 + elementCount(shapeValue(shape, largest)))
  return {
    remember() {
      for (const train of manifest.trains) for (const state of statesOf(train)) first.set(state, bitsOf(state).slice())
    },
    begin(train) {
      for (const state of statesOf(train)) bitsOf(state).set(first.get(state)!)
    },
    setAside(train) {
      const present = statesOf(train).map((state) => ({ state, bits: bitsOf(state).slice() }))
      return () => {
        for (const { state, bits } of present) bitsOf(state).set(bits)
      }
    },
  }
}
