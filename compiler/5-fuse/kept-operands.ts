/**
 * Operands of library calls in the form these work on, kept between calls of a prediction: weights packed in panels, and filters at Winograd's
 * points. Only what no variable the entry changes, and no run-time dimension, has a part in.
 */
import { type Dim, isConstant } from '../dimensions/dimension.ts'
import type { ConvolutionPlan } from './convolution.ts'
import type { Storage } from './plan-graph.ts'
import type { ProductPlan } from './product.ts'
import { packedPanelsBytes } from './product-scratch.ts'
import { preparedFiltersBytes } from './winograd.ts'

export interface KeptOperand {
  readonly kind: 'panels' | 'filters'
  /** The same for operands that are the same. */
  readonly key: string
  readonly variable: string
  readonly bytes: number
  /** It is of use only where all of these exceed one. */
  readonly worth: readonly Dim[]
}

/** What all kept values of a program may take together. */
export interface KeptRoom {
  /** Whether there is room for a value, or there was when it was asked for before. */
  take(key: string, bytes: number): boolean
}

export function createKeptRoom(bytes: number): KeptRoom {
  const taken = new Set<string>()
  let left = bytes
  return {
    take(key, wanted) {
      if (taken.has(key)) return true
      if (wanted > left) return false
      left -= wanted
      taken.add(key)
      return true
    },
  }
}

/** Matrices with a side shorter than this are hardly packed at all, and products with more rows than this take a hundred times as long as packing. */
const SHORTEST_SIDE = 8
const MOST_ROWS = 1024
/** Filters at the points are four times as many words; so many of them are read from the third-level cache faster than they are computed. */
const MOST_FILTER_BYTES = 2 ** 24

/** By product or convolution node. `fixed`: the variables that stay the same from call to call. */
export function keptOperands(
  products: ReadonlyMap<number, ProductPlan>,
  convolutions: ReadonlyMap<number, ConvolutionPlan>,
  storage: ReadonlyMap<number, Storage>,
  fixed: ReadonlySet<string>,
  room: KeptRoom,
): ReadonlyMap<number, KeptOperand> {
  const found = new Map<number, KeptOperand>()
  const variableOf = (node: number): string | undefined => {
    const place = storage.get(node)
    return place?.kind === 'variable' && fixed.has(place.name) ? place.name : undefined
  }
  const keep = (node: number, operand: KeptOperand): void => {
    if (room.take(operand.key, operand.bytes)) found.set(node, operand)
  }
  for (const [node, { b, m, n, k, loops }] of products) {
    const variable = variableOf(b.node)
    const numbers = [b.elements, n.extent, k.extent, k.b, n.b]
    if (variable === undefined || !numbers.every(isConstant) || loops.some((loop) => loop.b !== 0)) continue
    const [, columns, depth] = numbers
    if (columns! < SHORTEST_SIDE || depth! < SHORTEST_SIDE) continue
    // Few rows read columns that are neighbours where they lie, one row any.
    if (isConstant(m.extent) && (m.extent <= (n.b === 1 ? 4 : 1) || m.extent > MOST_ROWS)) continue
    keep(node, {
      kind: 'panels',
      key: `panels of ${variable} ${numbers.join()}`,
      variable,
      bytes: packedPanelsBytes(columns!, depth!),
      worth: isConstant(m.extent) ? [] : [m.extent],
    })
  }
  for (const [node, { method, large, w, groups, filters, channels, strides, axes }] of convolutions) {
    const variable = variableOf(w.node)
    const numbers = [w.elements, groups, filters, channels, ...strides.w]
    if (method.kind !== 'winograd' || large || variable === undefined || !numbers.every(isConstant)) continue
    const bytes = preparedFiltersBytes(numbers[1]!, numbers[2]!, numbers[3]!)
    if (bytes > MOST_FILTER_BYTES) continue
    const dilations = axes.slice(1).map(({ filterDilation }) => filterDilation)
    const key = `filters of ${variable} ${[...numbers, ...dilations].join()}`
    keep(node, { kind: 'filters', key, variable, bytes, worth: [] })
  }
  return found
}
