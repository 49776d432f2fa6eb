import { type Call, callLists, type Entry, everyCall, type Program } from '../../compiler/5-fuse/program.ts'
import { evaluateCount } from '../../compiler/5-fuse/work.ts'
import { evaluateDim, formatDim, formatShape } from '../../compiler/dimensions/dimension.ts'

/** What a file compiles to, as plain data. Work is counted at the sizes in `sizes`. */
export interface Inspection {
  readonly name: string
  /** Sizes of the run-time dimensions the work is counted at: the train block's batch, else the largest. */
  readonly sizes: Readonly<Record<string, number>>
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[]; readonly count: number }[]
  readonly parameterCount: number
  readonly entries: readonly EntryInspection[]
  /** What follows from variables alone: computed when an entry first needs it, and kept until one of them changes. */
  readonly prepared: readonly PreparationInspection[]
  /** Distinct loop nests in the module. */
  readonly kernels: readonly { readonly name: string; readonly class: string; readonly calls: number }[]
  /** Bytes. */
  readonly memory: Program['memory']
}

export interface CallInspection {
  readonly kind: string
  readonly title: string
  /** Of all steps of the loops around it; that of a loop is that of its body. */
  readonly flops: number
  readonly bytes: number
  /** The number of loops around it; a loop's calls come after it. */
  readonly depth: number
}

export interface PreparationInspection {
  readonly name: string
  /** The variables it is computed from. */
  readonly variables: readonly string[]
  /** The entries that use it. */
  readonly entries: readonly string[]
  readonly calls: readonly CallInspection[]
}

export interface EntryInspection {
  readonly name: string
  readonly kind: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly calls: readonly CallInspection[]
  readonly flops: number
  /** Bytes read and written. */
  readonly traffic: number
  readonly arenaBytes: number
  /** What liveness makes unavoidable: the most bytes alive at one step. */
  readonly liveBytes: number
}

export function inspectProgram(program: Program): Inspection {
  const sizes = sizesOf(program)
  const parameters = program.variables
    .filter(({ variable }) => variable.kind === 'parameter')
    .map(({ variable }) => {
      const shape = variable.type.shape.map((dim) => evaluateDim(dim, sizes))
      return { name: variable.name, shape, count: shape.reduce((product, size) => product * size, 1) }
    })
  const calls = callLists(program).flatMap((list) => everyCall(list.calls))
  return {
    name: program.name,
    sizes,
    parameters,
    parameterCount: parameters.reduce((sum, { count }) => sum + count, 0),
    entries: program.entries.map((entry) => inspectEntry(entry, sizes)),
    prepared: program.preparations.map((own, at) => ({
      name: own.name,
      variables: [...own.variables],
      entries: program.entries.flatMap(({ name, prepared }) =>
        prepared.some(({ preparation }) => preparation === at) ? [name] : [],
      ),
      calls: inspectCalls(own.calls, sizes),
    })),
    kernels: program.kernels.map((kernel, index) => ({
      name: kernel.name,
      class: kernel.class,
      calls: calls.filter((call) => call.kind === 'kernel' && call.kernel === index).length,
    })),
    memory: program.memory,
  }
}

function sizesOf({ dims, trains }: Program): Record<string, number> {
  return Object.fromEntries(
    dims.map(({ name, maximum }) => [name, trains.find((train) => train.batchDim === name)?.batch ?? maximum]),
  )
}

function inspectEntry(entry: Entry, sizes: Readonly<Record<string, number>>): EntryInspection {
  const describe = ({ name, type }: Entry['inputs'][number]): string =>
    `${name}: ${type.dtype}${type.shape.length > 0 ? formatShape(type.shape) : ''}`
  const calls = inspectCalls(entry.calls, sizes)
  const outermost = calls.filter(({ depth }) => depth === 0)
  return {
    name: entry.name,
    kind: entry.kind,
    inputs: entry.inputs.map(describe),
    outputs: entry.outputs.map(describe),
    calls,
    flops: outermost.reduce((sum, call) => sum + call.flops, 0),
    traffic: outermost.reduce((sum, call) => sum + call.bytes, 0),
    arenaBytes: entry.arenaBytes,
    liveBytes: entry.liveBytes,
  }
}

function inspectCalls(
  calls: readonly Call[],
  sizes: Readonly<Record<string, number>>,
  times = 1,
  depth = 0,
): CallInspection[] {
  return calls.flatMap((call) => {
    const own = {
      kind: call.kind,
      title: titleOf(call),
      flops: times * evaluateCount(call.work.flops, sizes),
      bytes: times * evaluateCount(call.work.bytes, sizes),
      depth,
    }
    if (call.kind !== 'loop') return [own]
    return [own, ...inspectCalls(call.body, sizes, times * evaluateDim(call.count, sizes), depth + 1)]
  })
}

function titleOf(call: Call): string {
  if (call.kind !== 'product') return call.title
  return `${call.title} (${formatDim(call.m)} × ${formatDim(call.n)} × ${formatDim(call.k)})`
}
