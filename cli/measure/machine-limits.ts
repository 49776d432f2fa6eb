import { setTimeout } from 'node:timers/promises'
import { assemble } from '../../compiler/6-emit/assemble.ts'
import { kernelLibrary } from '../../compiler/generated/library.ts'
import { simdOf } from '../../runtime/builds.ts'
import type { BuildName, SimdBuild } from '../../runtime/manifest.ts'

/** What this machine does at best, one thread, measured: the roof over every kernel. */
export interface MachineLimits {
  /** 10⁹ operations a second, values in registers. */
  readonly gflops: number
  /** 10⁹ bytes a second, read and written, by the size of what is gone through again and again; ascending. */
  readonly bandwidths: readonly { readonly bytes: number; readonly gigabytes: number }[]
}

const LANES = 4
const KIBIBYTE = 1024
const WORKING_SETS = [32, 256, 1024, 4096, 16384, 65536].map((size) => size * KIBIBYTE)

/** A call is short: an engine that runs code unoptimised at first replaces a function at its next call. */
const CHAIN_STEPS = 4000
const LEAST_BYTES_OF_A_CALL = 2 * 1024 * KIBIBYTE
/** Calls are measured for so long, in milliseconds, then the engine's own threads get some time to optimise. */
const SPELL = 10
const PAUSE = 5
/** Code is at its fastest when so many spells one after the other have gained less than a hundredth; code that was, sooner. */
const STEADY_SPELLS = 10
const STEADY_SPELLS_OF_KNOWN_CODE = 4
const MOST_SPELLS = 80

/**
 * Independent sums that hide the time of one multiply-add, and still fit the registers beside their two factors, which in the wide build hold
 * two vectors each.
 */
const CHAINS: Readonly<Record<SimdBuild, number>> = { plain: 12, relaxed: 12, wide: 24 }

/** Vectors next to each other in memory: the chains, then what is multiplied. */
function probeSource(chains: number): string {
  const names = Array.from({ length: chains }, (_, at) => `s${at}`)
  const each = (line: (name: string, at: number) => string, gap: string): string => names.map(line).join(gap)
  return `import { madd } from './vector'

/** Multiplies and adds ${chains} vectors, each again and again. */
export function multiplyAdd(steps: i32): void {
  const x = v128.load(0, ${16 * chains}), y = v128.load(0, ${16 * (chains + 1)})
  ${each((name, at) => `let ${name} = v128.load(0, ${16 * at})`, '\n  ')}
  for (; steps > 0; steps--) {
    ${each((name) => `${name} = madd(x, y, ${name})`, '\n    ')}
  }
  ${each((name, at) => `v128.store(0, ${name}, ${16 * at})`, '\n  ')}
}

/** Reads half of the working set and writes the other half. */
export function goThrough(bytes: i32, rounds: i32): void {
  const half = <usize>(bytes >> 1)
  for (; rounds > 0; rounds--) {
    for (let at: usize = 0; at < half; at += 32) {
      const low = v128.load(at), high = v128.load(at, 16)
      v128.store(half + at, low), v128.store(half + at, high, 16)
    }
  }
}
`
}

/** A module that does nothing but multiply and add in registers, and move memory. */
export interface LimitProbe {
  readonly wasm: Uint8Array
  /** Operations of one call of `multiplyAdd(steps)`. */
  operations(steps: number): number
}

export async function limitProbe(build: BuildName): Promise<LimitProbe> {
  const chains = CHAINS[simdOf(build)]
  const { wasm } = await assemble(probeSource(chains), {
    build,
    manifest: emptyManifest(build),
    kernels: kernelLibrary,
    memoryBytes: WORKING_SETS.at(-1)!,
  })
  return { wasm, operations: (steps) => 2 * LANES * chains * steps }
}

/** Measures the limits of a build's instructions; takes about two seconds. */
export async function machineLimits(build: BuildName): Promise<MachineLimits> {
  const { wasm, operations } = await limitProbe(build)
  const { instance } = await WebAssembly.instantiate(new Uint8Array(wasm))
  const { multiplyAdd, goThrough } = instance.exports as Record<string, (...values: number[]) => void>
  const gflops = operations(CHAIN_STEPS) / (await fastest(() => multiplyAdd!(CHAIN_STEPS))) / 1e6
  const bandwidths = []
  for (const [at, bytes] of WORKING_SETS.entries()) {
    const rounds = Math.ceil(LEAST_BYTES_OF_A_CALL / bytes)
    const steadySpells = at === 0 ? STEADY_SPELLS : STEADY_SPELLS_OF_KNOWN_CODE
    const milliseconds = await fastest(() => goThrough!(bytes, rounds), steadySpells)
    bandwidths.push({ bytes, gigabytes: (bytes * rounds) / milliseconds / 1e6 })
  }
  return { gflops, bandwidths }
}

/** The least time the machine could take, in milliseconds: that of the arithmetic or of the memory, whichever is longer. */
export function roofMilliseconds({ gflops, bandwidths }: MachineLimits, flops: number, bytes: number): number {
  const level = bandwidths.find((own) => bytes <= own.bytes) ?? bandwidths.at(-1)!
  return Math.max(flops / gflops, bytes / level.gigabytes) / 1e6
}

/** Milliseconds of the fastest call, once the engine has optimised the code. */
async function fastest(run: () => void, steadySpells = STEADY_SPELLS): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  let steady = 0
  for (let spell = 0; spell < MOST_SPELLS && steady < steadySpells; spell++) {
    const before = best
    const end = performance.now() + SPELL
    for (let start = performance.now(), now = start; start < end; start = now) {
      run()
      now = performance.now()
      best = Math.min(best, now - start)
    }
    steady = best < 0.99 * before ? 0 : steady + 1
    await setTimeout(PAUSE)
  }
  return best
}

function emptyManifest(build: BuildName): Parameters<typeof assemble>[1]['manifest'] {
  return {
    format: 'nnc',
    version: 2,
    compiler: '',
    name: 'limits',
    build,
    dims: [],
    entries: [],
    variables: [],
    hypers: [],
    trains: [],
    seedOffset: 0,
    stepOffset: 0,
    memory: { variables: 0, inputs: 0, arena: 0, total: 0 },
  }
}
