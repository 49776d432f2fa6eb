/** Which convolutions asm/winograd.ts computes, and in what parts: those of a 3×3 filter with stride 1 where its transforms cost less than they save. */
import { type Dim, isConstant } from '../dimensions/dimension.ts'
import type { ConvolutionAxis, ConvolutionPlan } from './convolution.ts'
import type { Tile } from './product-scratch.ts'

// The same figures as in asm/winograd-transforms.ts.
const tileExtent = 4
const reach = 6
const points = 36
const constantBytes = 64

/** Extents of the images along the two axes, and what is computed at once. */
export interface WinogradPlan {
  /** Rows of tiles whose products share a packed filter. */
  readonly rows: number
}

/** Fewer channels and filters leave the transforms nothing to be shared by. */
const leastChannels = 4
/** Of the products that tiles overlapping the edge compute, at least this part must be saved. */
const mostProducts = 0.5

export function planWinograd(plan: Omit<ConvolutionPlan, 'method'>): WinogradPlan | undefined {
  const { large, axes, batch, filters, channels } = plan
  const [outer, ...inner] = axes as readonly ConvolutionAxis[]
  // In the gradient to a filter the roles are turned: images are what is summed over, channels the batch.
  const [inputs, images] = large ? [batch, channels] : [channels, batch]
  if (!isConstant(inputs) || !isConstant(filters)) return undefined
  if (outer!.result !== 1 || outer!.input !== 1 || outer!.filter !== 1) return undefined
  const extents: number[] = []
  for (const { result, filter, stride, inputDilation, filterDilation } of inner) {
    const [small, extent] = large ? [result, filter] : [filter, result]
    const forwards = filterDilation === 1 || (filterDilation === -1 && !large)
    if (small !== 3 || stride !== 1 || inputDilation !== 1 || !forwards || !isConstant(extent)) return undefined
    extents.push(extent)
  }
  const tiles = extents.map((extent) => Math.ceil(extent / tileExtent))
  const products = (points * tiles[0]! * tiles[1]!) / (9 * extents[0]! * extents[1]!)
  if (Math.min(inputs, filters) < leastChannels || products > mostProducts) return undefined
  const count = isConstant(images) ? images : 64
  // So few tiles would not make up for the transform of the filters.
  if (count * tiles[0]! * tiles[1]! < 12) return undefined
  const together = Math.min(96, Math.max(24, Math.floor(6144 / (inputs + filters))))
  return { rows: Math.max(1, Math.floor(together / tiles[1]!)) }
}

/** Bytes of the filters at the points, of all builds the most, with the space that winogradFilters works in before them. */
export function preparedFiltersBytes(groups: number, filters: number, channels: number): number {
  const bytes = constantBytes + points * 4 * 8 + groups * points * 4 * panelWords(filters, channels)
  return Math.ceil(bytes / 64) * 64
}

/** Words of all panels at one point: each of at least eight columns, with its own step between points. */
function panelWords(filters: number, channels: number): number {
  return Math.ceil(filters / 8) * (8 * channels + 32)
}

/** Bytes of packing space asm/winograd.ts needs. */
export function winogradScratchBytes(plan: ConvolutionPlan, { rows }: WinogradPlan, tile: Tile): number {
  const size = (dim: Dim): number => {
    if (!isConstant(dim)) throw new Error('internal: fuse: an extent of a Winograd convolution is not constant')
    return dim
  }
  const [, vertical, horizontal] = plan.axes
  const [down, across] = [vertical!, horizontal!].map(({ result, filter }) =>
    Math.ceil(size(plan.large ? filter : result) / tileExtent),
  ) as [number, number]
  const tiles = rows * across
  const fours = (count: number): number => Math.ceil(count / 4) * 4
  // Channels side by side: eight in the wide build.
  const together = tile.columns === 16 ? 8 : 4
  const whole = (count: number): number => Math.ceil(count / together) * together
  const workBytes = constantBytes + points * 4 * together
  // Panels of every build together have at most as many columns.
  const panels = (count: number): number => Math.ceil(count / 8) * 8
  const pointStep = (words: number): number => (Math.ceil(words / 16) | 1) * 16
  const plane = (down * tileExtent + reach - tileExtent) * (across * tileExtent + reach - tileExtent)
  const filters = size(plan.filters)
  if (plan.large) {
    const strip = tile.rows * tile.columns
    const inputs = size(plan.batch)
    const atPoints =
      pointStep(tiles * panels(inputs)) + pointStep(tiles * fours(filters)) + pointStep(filters * panels(inputs))
    const planes = whole(inputs) * plane + fours(filters) * down * across * tileExtent ** 2
    return 64 + workBytes + 4 * (points * atPoints + strip + planes)
  }
  const channels = size(plan.channels)
  const packed = panelWords(filters, channels)
  const atPoints = packed + pointStep(tiles * whole(channels)) + pointStep((tiles + tile.rows) * tile.columns)
  return 64 + workBytes + 4 * (points * atPoints + whole(channels) * plane)
}
