import { inferDimensions } from './dimensions.ts'
import type { FlatInput } from './flatten.ts'
import type { Manifest, ManifestEntry, ManifestTensor } from './manifest.ts'
import { type DimensionValues, shapeValue, sizeValue } from './size.ts'

/** What the sizes of an entry's inputs come to. */
export interface InputSizes {
  readonly dims: DimensionValues
  /** In the order of the entry's inputs: the shape, and the number of classes where elements are labels or indices. */
  readonly inputs: readonly { readonly shape: readonly number[]; readonly limit: number | undefined }[]
}

/** The sizes of a batch's inputs. */
export interface SizesOfInputs {
  /** As `inferDimensions` has them; refuses what it refuses. */
  of(entry: ManifestEntry, inputs: readonly GivenInput[]): InputSizes
}

interface GivenInput {
  readonly tensor: ManifestTensor
  readonly flat: FlatInput
}

interface Remembered extends InputSizes {
  readonly given: readonly { readonly length: number; readonly shape: readonly number[] | undefined }[]
}

/** Remembers what the last batch of each entry came to: most batches are as large as the one before. */
export function createInputSizes(manifest: Manifest): SizesOfInputs {
  const last = new Map<ManifestEntry, Remembered>()
  return {
    of(entry, inputs) {
      const known = last.get(entry)
      if (known && isAsLarge(known, inputs)) return known
      const dims = inferDimensions(manifest, inputs)
      const sizes: Remembered = {
        dims,
        inputs: inputs.map(({ tensor }) => ({
          shape: shapeValue(tensor.shape, dims),
          limit: tensor.limit === undefined ? undefined : sizeValue(tensor.limit, dims),
        })),
        given: inputs.map(({ flat }) => ({ length: flat.data.length, shape: flat.shape?.slice() })),
      }
      last.set(entry, sizes)
      return sizes
    },
  }
}

function isAsLarge({ given }: Remembered, inputs: readonly GivenInput[]): boolean {
  for (let i = 0; i < inputs.length; i++) {
    const { data, shape } = inputs[i]!.flat
    const before = given[i]!
    if (data.length !== before.length || shape?.length !== before.shape?.length) return false
    if (shape) for (let axis = 0; axis < shape.length; axis++) if (shape[axis] !== before.shape![axis]) return false
  }
  return true
}
