import type { Input, Tensor } from './api.ts'
import { inferDimensions } from './dimensions.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import { fill, type Stored, taken } from './fill.ts'
import { type FlatInput, flatten, gathered } from './flatten.ts'
import type { ManifestEntry, ManifestTensor } from './manifest.ts'
import { find } from './names.ts'
import { type DimensionValues, elementCount, namesIn, shapeValue, sizeValue, typeText } from './size.ts'

/** Inputs of an entry by name. */
export type Inputs = Readonly<Record<string, Input>>

/** Whole arrays, checked once against one entry, from which batches of rows are copied into the module's memory. */
export interface Dataset {
  readonly entry: ManifestEntry
  readonly rows: number
  /** The dimension that counts rows; without one the data is a single batch. */
  readonly rowDim: string | undefined
  readonly dims: DimensionValues
  /** The dimensions of a batch of so many rows. */
  dimsOf(rows: number): DimensionValues
  readonly columns: readonly Column[]
}

interface Column {
  /** Index of the first element in the memory. */
  readonly target: number
  readonly data: Stored
  /** Elements per row, 0 for an input that is the same for all rows. */
  readonly rowSize: number
  /** Where rows begin in `data`, where they do not follow each other. */
  readonly starts?: ArrayLike<number>
}

/** Every input of the entry in one row; a missing or unknown name is refused. */
export function flattenInputs(
  entry: ManifestEntry,
  inputs: Inputs,
): { readonly tensor: ManifestTensor; flat: FlatInput }[] {
  if (typeof inputs !== 'object' || inputs === null)
    throw new ModelError('missing-input', `\`${entry.name}\` takes an object with the inputs ${namesOf(entry)}`)
  for (const tensor of entry.inputs) {
    const value = inputs[tensor.name]
    if (value !== undefined && value !== null) continue
    refuseUnknown(entry, inputs)
    throw new ModelError(
      'missing-input',
      `input \`${tensor.name}\`, ${typeText(tensor)}, is missing; \`${entry.name}\` takes ${namesOf(entry)}`,
    )
  }
  // All it takes are there: with as many names there is no other.
  if (Object.keys(inputs).length !== entry.inputs.length) refuseUnknown(entry, inputs)
  return entry.inputs.map((tensor) => ({ tensor, flat: flatten(tensor, inputs[tensor.name]!, 'input') }))
}

function refuseUnknown(entry: ManifestEntry, inputs: Inputs): void {
  for (const name of Object.keys(inputs)) find(entry.inputs, name, 'input', 'unknown-input')
}

/** Checks one batch and puts it into the module's memory. */
export function feed(engine: Engine, entry: ManifestEntry, inputs: Inputs): DimensionValues {
  const given = flattenInputs(entry, inputs)
  for (const input of given) input.flat = gathered(input.flat)
  const sizes = engine.sizes.of(entry, given)
  for (let i = 0; i < given.length; i++) {
    const { tensor, flat } = given[i]!
    const { shape, limit } = sizes.inputs[i]!
    fill(tensor, flat, shape, limit, viewOf(engine, tensor.dtype), 'input', tensor.offset / 4, engine.isFinite)
  }
  return sizes.dims
}

/** Checks whole arrays; what already has the stored type is not copied. */
export function prepareDataset(
  engine: Engine,
  entry: ManifestEntry,
  inputs: Inputs,
  rowDim: string | undefined,
): Dataset {
  const flat = flattenInputs(entry, inputs)
  const dims = inferDimensions(engine.manifest, flat, rowDim)
  const columns = flat.map(({ tensor, flat: given }): Column => {
    const [first, ...rest] = tensor.shape
    const perRow = first === rowDim && rowDim !== undefined
    const { data, starts } = perRow ? given : gathered(given)
    if (
      rest.flatMap(namesIn).includes(rowDim!) ||
      (!perRow && first !== undefined && namesIn(first).includes(rowDim!))
    ) {
      throw new ModelError(
        'wrong-shape',
        `input \`${tensor.name}\`, ${typeText(tensor)}, does not have its rows along the first axis, so it cannot be cut into batches; feed it batch by batch with step, evaluate or predict`,
      )
    }
    const shape = shapeValue(tensor.shape, dims)
    const limit = tensor.limit === undefined ? undefined : sizeValue(tensor.limit, dims)
    const Kind = tensor.dtype === 'f32' ? Float32Array : Int32Array
    const stored = data instanceof Kind && tensor.dtype !== 'bool' ? data : new Kind(data.length)
    fill(tensor, { data }, starts ? [data.length] : shape, limit, stored, 'input')
    const rowSize = perRow ? elementCount(shape.slice(1)) : 0
    return { target: tensor.offset / 4, data: stored, rowSize, ...(starts && { starts }) }
  })
  return {
    entry,
    rows: rowDim === undefined ? 1 : dims[rowDim]!,
    rowDim,
    dims,
    dimsOf: dimsByRows(dims, rowDim),
    columns,
  }
}

/** Remembers its last result: making an object takes as long as a small layer, and all batches but the last have the same number of rows. */
function dimsByRows(dims: DimensionValues, rowDim: string | undefined): (rows: number) => DimensionValues {
  if (rowDim === undefined) return () => dims
  let last = dims
  return (rows) => {
    if (last[rowDim] !== rows) last = { ...dims, [rowDim]: rows }
    return last
  }
}

/** Rows per batch, checked against what the module holds and against a last batch too small for it. */
export function batchSize(engine: Engine, dataset: Dataset, wanted: number | undefined, fallback: number): number {
  const range = engine.manifest.dims.find((dim) => dim.name === dataset.rowDim)
  if (range === undefined) return 1
  const batch = wanted ?? Math.min(range.maximum, Math.max(range.minimum, fallback))
  if (!Number.isInteger(batch) || batch < Math.max(1, range.minimum) || batch > range.maximum) {
    throw new ModelError(
      'bad-option',
      `batch is ${batch}; the module takes ${range.name} from ${range.minimum} to ${range.maximum}`,
    )
  }
  const last = dataset.rows % batch
  if (last > 0 && last < range.minimum) {
    throw new ModelError(
      'bad-option',
      `${dataset.rows} rows in batches of ${batch} leave a last batch of ${last}, but the module takes ${range.name} from ${range.minimum}; choose another batch size`,
    )
  }
  return batch
}

/** Copies `count` rows, from `start` on in the given order, and returns the dimensions to run with. */
export function feedRows(
  engine: Engine,
  dataset: Dataset,
  order: Uint32Array | undefined,
  start: number,
  count: number,
): DimensionValues {
  for (const { target, data, rowSize, starts } of dataset.columns) {
    const view = data instanceof Float32Array ? engine.floats : engine.integers
    if (rowSize === 0) view.set(data, target)
    else if (starts !== undefined)
      for (let i = 0; i < count; i++) {
        const from = starts[order === undefined ? start + i : order[start + i]!]!
        view.set(data.subarray(from, from + rowSize), target + i * rowSize)
      }
    else if (order === undefined) view.set(data.subarray(start * rowSize, (start + count) * rowSize), target)
    else if (rowSize < 16) copySmallRows(view, target, data, rowSize, order, start, count)
    else {
      for (let i = 0; i < count; i++) {
        const from = order[start + i]! * rowSize
        view.set(data.subarray(from, from + rowSize), target + i * rowSize)
      }
    }
  }
  return dataset.dimsOf(count)
}

function copySmallRows(
  view: Stored,
  target: number,
  data: Stored,
  rowSize: number,
  order: Uint32Array,
  start: number,
  count: number,
): void {
  let to = target
  for (let i = 0; i < count; i++) {
    const from = order[start + i]! * rowSize
    for (let j = 0; j < rowSize; j++) view[to++] = data[from + j]!
  }
}

/** Copies an entry's outputs. */
export function readOutputs(engine: Engine, entry: ManifestEntry, dims: DimensionValues): Record<string, Tensor> {
  return Object.fromEntries(
    entry.outputs.map((output) => [output.name, readTensor(engine, output, shapeValue(output.shape, dims))]),
  )
}

export function readTensor(
  engine: Engine,
  tensor: Pick<ManifestTensor, 'dtype' | 'offset'>,
  shape: readonly number[],
): Tensor {
  const start = tensor.offset / 4
  return { data: taken(tensor.dtype, viewOf(engine, tensor.dtype), start, elementCount(shape)), shape }
}

export function viewOf(engine: Engine, dtype: ManifestTensor['dtype']): Stored {
  return dtype === 'f32' ? engine.floats : engine.integers
}

function namesOf(entry: ManifestEntry): string {
  return entry.inputs.map((input) => `\`${input.name}\``).join(', ') || 'no inputs'
}
