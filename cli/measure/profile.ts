import { type Call, type Entry, everyCall, type Program } from '../../compiler/5-fuse/program.ts'
import { evaluateCount } from '../../compiler/5-fuse/work.ts'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { evaluateDim } from '../../compiler/dimensions/dimension.ts'
import { type MachineLimits, roofMilliseconds } from './machine-limits.ts'
import { randomInput, type Sizes, steadyRandom } from './sizes.ts'

/** The calls of one function for one line of `.nn` text. */
export interface KernelProfile {
  readonly kernel: string
  /** `model.nn:12`; undefined for what belongs to no line. */
  readonly place?: string
  /** What the first of the calls computes. */
  readonly title: string
  readonly calls: number
  /** All its calls together, for one call of the entry: the sum of their medians over all runs. */
  readonly ms: number
  readonly flops: number
  readonly bytes: number
  /** The least time this machine could take as a share of the time taken. */
  readonly roofline: number
}

export interface EntryProfile {
  readonly entry: string
  /** Calls of the entry that were measured. */
  readonly runs: number
  readonly ms: number
  /** Slowest first. */
  readonly kernels: readonly KernelProfile[]
}

const MOST_RUNS = 501
/** Share of the time spent before measuring, until the engine has optimised the code. */
const WARM_UP = 0.3

/** Runs a module made with `profile`, one entry at a time. */
export class Profiler {
  private readonly program: Program
  private readonly sizes: Sizes
  private readonly exports: WebAssembly.Exports
  private readonly times: Float64Array
  private last = 0

  private constructor(program: Program, sizes: Sizes, module: WebAssembly.Module) {
    this.program = program
    this.sizes = sizes
    this.times = new Float64Array(Math.max(...program.entries.map(({ calls }) => everyCall(calls).length)))
    const mark = (call: number): void => {
      const now = performance.now()
      if (call >= 0) this.times[call]! += now - this.last
      this.last = performance.now()
    }
    this.exports = new WebAssembly.Instance(module, { profile: { mark } }).exports
  }

  static async start(program: Program, sizes: Sizes, wasm: Uint8Array): Promise<Profiler> {
    const profiler = new Profiler(program, sizes, await WebAssembly.compile(new Uint8Array(wasm)))
    profiler.call(program.entries.find(({ kind }) => kind === 'init')!)
    for (const { hyper, buffer } of program.hypers)
      new Float32Array(profiler.memory, program.buffers[buffer]!.offset, 1)[0] = hyper.default
    return profiler
  }

  /** Where an entry's time goes, measured for `seconds`. `placeOf` names a line. */
  measure(entry: Entry, seconds: number, limits: MachineLimits, placeOf: (span: Span) => string): EntryProfile {
    const random = steadyRandom()
    for (const tensor of entry.inputs) {
      const values = randomInput(tensor, this.sizes, random)
      const { offset } = this.program.buffers[tensor.buffer]!
      const View = values instanceof Float32Array ? Float32Array : Int32Array
      new View(this.memory, offset, values.length).set(values)
    }
    const started = performance.now()
    do this.call(entry)
    while (performance.now() - started < WARM_UP * 1000 * seconds)
    const runs: Float64Array[] = []
    do {
      this.times.fill(0)
      this.call(entry)
      runs.push(this.times.slice(0, everyCall(entry.calls).length))
    } while (runs.length < MOST_RUNS && performance.now() - started < 1000 * seconds)
    const kernels = this.kernelsOf(entry, runs, limits, placeOf)
    return { entry: entry.name, runs: runs.length, ms: kernels.reduce((sum, { ms }) => sum + ms, 0), kernels }
  }

  private kernelsOf(
    entry: Entry,
    runs: readonly Float64Array[],
    limits: MachineLimits,
    placeOf: (span: Span) => string,
  ): KernelProfile[] {
    const found = new Map<string, { -readonly [K in keyof KernelProfile]: KernelProfile[K] }>()
    for (const { call, number, repeats, sometimes } of countedCalls(entry.calls, this.sizes)) {
      const kernel = functionOf(this.program, call)
      const place = call.span && placeOf(call.span)
      const key = `${kernel} ${place}`
      const all = runs.map((times) => times[number]!)
      // A call that some steps leave out costs each step its share.
      const share = sometimes ? all.filter((time) => time > 0).length / runs.length : 1
      const ms = sometimes ? mean(all) : median(all)
      const own = call.kind === 'loop' ? { flops: [], bytes: [] } : call.work
      const flops = share * evaluateCount(own.flops, this.sizes)
      const bytes = share * evaluateCount(own.bytes, this.sizes)
      const roof = repeats * roofMilliseconds(limits, flops, bytes)
      const known = found.get(key)
      if (known) {
        known.calls += repeats
        known.ms += ms
        known.flops += repeats * flops
        known.bytes += repeats * bytes
        known.roofline += roof
      } else {
        const work = { ms, flops: repeats * flops, bytes: repeats * bytes, roofline: roof }
        found.set(key, { kernel, ...(place !== undefined && { place }), title: call.title, calls: repeats, ...work })
      }
    }
    return [...found.values()]
      .map((own) => ({ ...own, roofline: own.ms > 0 ? own.roofline / own.ms : 0 }))
      .sort((a, b) => b.ms - a.ms)
  }

  private call(entry: Entry): void {
    const run = this.exports[entry.export] as (...sizes: number[]) => void
    run(...entry.dims.map(({ name }) => this.sizes[name]!))
  }

  private get memory(): ArrayBuffer {
    return (this.exports.memory as WebAssembly.Memory).buffer
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

/** Every call with its number in a profiling build, how often the loops around it run it, and whether some steps leave it out. */
function countedCalls(
  calls: readonly Call[],
  sizes: Sizes,
): { readonly call: Call; readonly number: number; readonly repeats: number; readonly sometimes: boolean }[] {
  const found = new Map<Call, { readonly repeats: number; readonly sometimes: boolean }>()
  const count = (list: readonly Call[], repeats: number, guarded: boolean): void => {
    for (const call of list) {
      const sometimes = guarded || call.when !== undefined
      found.set(call, { repeats, sometimes })
      if (call.kind === 'loop') count(call.body, repeats * evaluateDim(call.count, sizes), sometimes)
    }
  }
  count(calls, 1, false)
  return everyCall(calls).map((call, number) => ({ call, number, ...found.get(call)! }))
}

/** The function of the module that does the work. */
function functionOf(program: Program, call: Call): string {
  switch (call.kind) {
    case 'kernel':
      return program.kernels[call.kernel]!.name
    case 'product':
      return 'matmul'
    default:
      return call.kind
  }
}
