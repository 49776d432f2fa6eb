/** What of a program threads share, and how: the rest is done by one of them while the others wait. */
import {
  type Call,
  type ConvolutionCall,
  callLists,
  type Entry,
  everyCall,
  type LoopCall,
  type Program,
} from '../5-fuse/program.ts'
import { evaluateCount } from '../5-fuse/work.ts'
import { type Dim, isConstant } from '../dimensions/dimension.ts'
import { type Partition, partitionOf } from './partition.ts'

export interface ThreadPlan {
  /** By kernel; one that is never shared has none. */
  readonly partitions: readonly (Partition | undefined)[]
  /** Whether a call is shared, or in a loop one of its body. */
  isShared(call: Call): boolean
  /** How many parts each thread's share of a shared call has: threads that are done take those of others. */
  partsOf(call: Call): number
  splitOf(call: ConvolutionCall): ConvolutionSplit | undefined
  /** Whether an entry is worth sharing at any size; the code of others is that of one thread. */
  readonly isSharedEntry: (entry: Entry) => boolean
  /** From which product of its run-time dimensions on; Infinity where it never is. */
  leastShared(entry: Entry): number
}

/** How a convolution is shared: the axis, and the strides along it. */
export interface ConvolutionSplit {
  readonly axis: 'batch' | 'groups' | 'filters'
  readonly unit: number
  readonly y: Dim
  readonly x: Dim
  readonly w: Dim
}

/** Calls with a barrier after them. */
export type CallGroup =
  | { readonly kind: 'loop'; readonly call: LoopCall }
  | { readonly kind: 'shared'; readonly call: Call }
  | { readonly kind: 'alone'; readonly calls: readonly Call[] }

/** A call shorter than this is not shared: meeting the others afterwards takes about a microsecond. */
const SHORTEST_CALL = 2000
/** A part of a call shorter than this is not worth beginning by itself. */
const SHORTEST_PART = 5000
/** Each part of a product packs its own operands. */
const MOST_PARTS = 4
/** An entry that takes less is run by one thread: two barriers and a look at the clock would be a tenth of it. */
const SHORTEST_ENTRY = 30_000

/** @param always share whatever can be shared, however short */
export function planThreads(program: Program, always = false): ThreadPlan {
  const possible = program.kernels.map(partitionOf)
  const sizes = largestSizes(program)
  const isShared = (call: Call): boolean => {
    if (call.kind === 'loop') return call.body.some(isShared)
    if (!always && nanoseconds(call, sizes) < SHORTEST_CALL) return false
    switch (call.kind) {
      case 'kernel':
        return possible[call.kernel] !== undefined
      case 'convolution':
        return splitOf(call) !== undefined
      case 'gather':
        return call.outer === 1
      case 'attention':
      case 'attention_gradient':
        return true
      default:
        return call.kind === 'product' || call.kind === 'pool_max' || call.kind === 'pool_max_gradient'
    }
  }
  const partsOf = (call: Call): number => {
    if (call.kind === 'convolution' && repeats(call)) return 1
    if (always) return MOST_PARTS
    return Math.max(1, Math.min(MOST_PARTS, Math.floor(nanoseconds(call, sizes) / (2 * SHORTEST_PART))))
  }
  const isSharedEntry = (entry: Entry): boolean => leastShared(entry) < Number.POSITIVE_INFINITY
  const shared = new Set<number>()
  // What is prepared is so on all threads, where a shared entry asks for it.
  const lists = [...program.entries.filter(isSharedEntry), ...program.preparations]
  for (const call of lists.flatMap(({ calls }) => everyCall(calls)))
    if (call.kind === 'kernel' && isShared(call)) shared.add(call.kernel)
  const partitions = possible.map((partition, kernel) => (shared.has(kernel) ? partition : undefined))
  return { partitions, isShared, partsOf, splitOf, isSharedEntry, leastShared }

  // As if an entry's time grew with that product.
  function leastShared(entry: Entry): number {
    const time = entry.calls.filter(isShared).reduce((total, call) => total + nanoseconds(call, sizes), 0)
    if (always) return 1
    if (time < SHORTEST_ENTRY) return Number.POSITIVE_INFINITY
    const largest = entry.dims.reduce((total, { maximum }) => total * maximum, 1)
    return Math.max(1, Math.ceil((largest * SHORTEST_ENTRY) / time))
  }
}

/** Calls in order; neighbours that one thread does alone are joined. */
export function groupCalls({ isShared }: ThreadPlan, calls: readonly Call[]): CallGroup[] {
  const groups: CallGroup[] = []
  let alone: Call[] | undefined
  for (const call of calls) {
    if (isShared(call)) {
      groups.push(call.kind === 'loop' ? { kind: 'loop', call } : { kind: 'shared', call })
      alone = undefined
    } else if (alone) alone.push(call)
    else {
      alone = [call]
      groups.push({ kind: 'alone', calls: alone })
    }
  }
  return groups
}

/** By batch, where results of different images do not meet; else by groups, else by filters, two at a time. */
function splitOf({ large, method, batch, groups, filters, strides }: ConvolutionCall): ConvolutionSplit | undefined {
  const many = (dim: Dim): boolean => !isConstant(dim) || dim >= 4
  if (method.kind === 'pooled')
    return isConstant(filters) && filters >= 4 ? { axis: 'filters', unit: 1, y: strides.y[2]!, x: 0, w: 0 } : undefined
  // Each part transforms all that the other axis has, so the longer one is split; four lie in a vector.
  if (large && method.kind === 'winograd' && isConstant(filters) && isConstant(batch) && Math.max(filters, batch) >= 8)
    return filters >= batch
      ? { axis: 'filters', unit: 4, y: strides.y[2]!, x: 0, w: strides.w[1]! }
      : { axis: 'batch', unit: 4, y: strides.y[0]!, x: strides.x[0]!, w: 0 }
  // One image and one filter have a way of their own to sum, which a share must not fall into.
  if (many(batch) && !(large && filters === 1))
    return { axis: 'batch', unit: 1, y: strides.y[0]!, x: strides.x[0]!, w: 0 }
  const unit = method.kind === 'depthwise' && isConstant(groups) && groups >= 8 ? 4 : 1
  if (many(groups)) return { axis: 'groups', unit, y: strides.y[1]!, x: strides.x[1]!, w: strides.w[0]! }
  if (isConstant(filters) && filters >= 8 && filters % 2 === 0)
    return { axis: 'filters', unit: 2, y: strides.y[2]!, x: 0, w: strides.w[1]! }
  return undefined
}

/** Whether each part packs or transforms anew what all of them read. */
function repeats(call: ConvolutionCall): boolean {
  return call.method.kind === 'winograd' || splitOf(call)?.axis === 'filters'
}

/** A rough time at the largest sizes, from what an elementwise kernel and a product come to. */
function nanoseconds(call: Call, sizes: Readonly<Record<string, number>>): number {
  const flops = evaluateCount(call.work.flops, sizes)
  const bytes = evaluateCount(call.work.bytes, sizes)
  const product = ['product', 'convolution', 'attention', 'attention_gradient'].includes(call.kind)
  return flops / (product ? 40 : 8) + bytes / 20
}

function largestSizes(program: Program): Record<string, number> {
  const sizes: Record<string, number> = {}
  for (const { name, maximum } of [...program.dims, ...program.entries.flatMap((entry) => entry.dims)])
    sizes[name] = maximum
  for (const call of callLists(program).flatMap(({ calls }) => everyCall(calls)))
    if (call.kind === 'loop') sizes[call.counter] = 0
  return sizes
}
