import type { ManifestSize, ManifestTensor } from './manifest.ts'

/** Values of run-time dimensions by name. */
export type DimensionValues = Record<string, number>

/** The value of a size, NaN while a dimension it needs has none. */
export function sizeValue(size: ManifestSize, dims: DimensionValues): number {
  if (typeof size === 'number') return size
  if (typeof size === 'string') return dims[size] ?? Number.NaN
  const left = sizeValue(size[1], dims)
  const right = sizeValue(size[2], dims)
  if (size[0] === '+') return left + right
  if (size[0] === '-') return left - right
  return size[0] === '*' ? left * right : Math.floor(left / right)
}

export function shapeValue(shape: readonly ManifestSize[], dims: DimensionValues): number[] {
  return shape.map((size) => sizeValue(size, dims))
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Every run-time dimension a size depends on. */
export function namesIn(size: ManifestSize): string[] {
  if (typeof size === 'number') return []
  return typeof size === 'string' ? [size] : [...namesIn(size[1]), ...namesIn(size[2])]
}

export function sizeText(size: ManifestSize): string {
  return Array.isArray(size) ? `(${sizeText(size[1])} ${size[0]} ${sizeText(size[2])})` : String(size)
}

/** `f32[Batch, 28, 28]` */
export function typeText(tensor: Pick<ManifestTensor, 'dtype' | 'shape'>): string {
  return tensor.dtype + (tensor.shape.length > 0 ? `[${tensor.shape.map(sizeText).join(', ')}]` : '')
}
