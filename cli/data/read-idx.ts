import { FormatError } from './format-error.ts'
import { sizeOf } from './shape.ts'
import type { NumberColumn, Table } from './table.ts'

interface Tensor {
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
}

type Reader = (view: DataView, at: number, count: number) => ArrayLike<number>

// Type codes of the third byte, as in LeCun's description of the MNIST files; big-endian.
const READERS: Readonly<Record<number, { readonly bytes: number; readonly read: Reader }>> = {
  8: { bytes: 1, read: (view, at, count) => new Uint8Array(view.buffer, view.byteOffset + at, count) },
  9: { bytes: 1, read: (view, at, count) => new Int8Array(view.buffer, view.byteOffset + at, count) },
  11: { bytes: 2, read: (view, at, count) => Int16Array.from({ length: count }, (_, i) => view.getInt16(at + 2 * i)) },
  12: { bytes: 4, read: (view, at, count) => Int32Array.from({ length: count }, (_, i) => view.getInt32(at + 4 * i)) },
  13: {
    bytes: 4,
    read: (view, at, count) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(at + 4 * i)),
  },
  14: {
    bytes: 8,
    read: (view, at, count) => Float64Array.from({ length: count }, (_, i) => view.getFloat64(at + 8 * i)),
  },
}

/**
 * A table with the columns `pixels` (any shape per row) and `label` (one number per row).
 * Throws {@link FormatError} naming the file that is at fault.
 */
export function readIdx(
  images: { name: string; bytes: Uint8Array },
  labels: { name: string; bytes: Uint8Array },
): Table {
  const pixels = parseIdx(images.bytes, images.name)
  const label = parseIdx(labels.bytes, labels.name)
  if (label.shape.length !== 1)
    throw new FormatError(
      `${labels.name} holds tensors of shape [${label.shape.slice(1).join(', ')}], not one label per row`,
    )
  const rows = pixels.shape[0]!
  if (label.shape[0] !== rows)
    throw new FormatError(`${images.name} has ${rows} rows and ${labels.name} has ${label.shape[0]} labels`)
  const column = (tensor: Tensor): NumberColumn => ({
    kind: 'number',
    shape: tensor.shape.slice(1),
    values: tensor.values,
    missing: [],
  })
  return {
    rows,
    columns: new Map([
      ['pixels', column(pixels)],
      ['label', column(label)],
    ]),
    describeRow: (row) => `item ${row} of ${images.name}`,
    origin: images.name,
  }
}

function parseIdx(bytes: Uint8Array, name: string): Tensor {
  const fail = (what: string): never => {
    throw new FormatError(`${name} is not an IDX file: ${what}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) return fail(`it has ${bytes.length} bytes`)
  if (bytes[0] !== 0 || bytes[1] !== 0) return fail('its first two bytes are not zero')
  const reader = READERS[bytes[2]!]
  if (!reader) return fail(`it has the unknown number type ${bytes[2]}`)
  const rank = bytes[3]!
  if (rank === 0) return fail('it has no axes')
  const dataAt = 4 + 4 * rank
  if (bytes.length < dataAt) return fail(`its header of ${rank} axes is cut off`)
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const count = sizeOf(shape)
  const expected = dataAt + count * reader.bytes
  if (bytes.length !== expected)
    return fail(`shape [${shape.join(', ')}] takes ${expected} bytes, and it has ${bytes.length}`)
  return { shape, values: reader.read(view, dataAt, count) }
}
