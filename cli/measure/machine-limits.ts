import { assemble } from '../../compiler/6-emit/assemble.ts'
import { kernelLibrary } from '../../compiler/generated/library.ts'
import { simdOf } from '../../runtime/builds.ts'
import type { BuildName } from '../../runtime/manifest.ts'

/** What this machine does at best, one thread, measured: the roof over every kernel. */
export interface MachineLimits {
  /** 10⁹ operations a second, values in registers. */
  readonly gflops: number
  /** 10⁹ bytes a second, read and written, by the size of what is gone through again and again; ascending. */
  readonly bandwidths: readonly { readonly bytes: number; readonly gigabytes: number }[]
}

const KIBIBYTE = 1024
const WORKING_SETS = [32, 256, 1024, 4096, 16384, 65536].map((size) => size * KIBIBYTE)
/** Chains that hide the time of one multiply-add; vectors in pairs need more. */
const CHAINS = { plain: 12, relaxed: 12, wide: 20 }
const CHAIN_STEPS = 20_000
const ROUNDS = 9
/** A round of going through memory touches so many bytes. */
const ROUND_BYTES = 64 * 1024 * KIBIBYTE

const sourceFor = (chains: readonly string[]): string => `import { madd } from './vector'

/** Multiplies and adds ${chains.length} vectors, each again and again. */
export function multiplyAdd(steps: i32): f32 {
  const x = f32x4.splat(0.5), y = f32x4.splat(1.0)
  ${chains.map((name, at) => `let ${name} = f32x4.splat(${at}.0)`).join('\n  ')}
  for (; steps > 0; steps--) {
    ${chains.map((name) => `${name} = madd(${name}, x, y)`).join('\n    ')}
  }
  return f32x4.extract_lane(${chains.reduce((left, right) => `f32x4.add(${left}, ${right})`)}, 0)
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

/** Measures the limits of a build's instructions; takes about a second. */
export async function machineLimits(build: BuildName): Promise<MachineLimits> {
  const count = CHAINS[simdOf(build)]
  const source = sourceFor(Array.from({ length: count }, (_, at) => `s${at}`))
  const { wasm } = await assemble(source, {
    build,
    manifest: emptyManifest(build),
    kernels: kernelLibrary,
    memoryBytes: WORKING_SETS.at(-1)!,
  })
  const { instance } = await WebAssembly.instantiate(new Uint8Array(wasm))
  const { multiplyAdd, goThrough } = instance.exports as Record<string, (...values: number[]) => number>
  const lanes = 4
  const operations = 2 * lanes * count * CHAIN_STEPS
  return {
    gflops: operations / fastest(() => multiplyAdd!(CHAIN_STEPS)) / 1e6,
    bandwidths: WORKING_SETS.map((bytes) => {
      const rounds = Math.max(1, Math.floor(ROUND_BYTES / 4 / bytes))
      return { bytes, gigabytes: (bytes * rounds) / fastest(() => goThrough!(bytes, rounds)) / 1e6 }
    }),
  }
}

/** The least time the machine could take, in milliseconds: that of the arithmetic or of the memory, whichever is longer. */
export function roofMilliseconds({ gflops, bandwidths }: MachineLimits, flops: number, bytes: number): number {
  const level = bandwidths.find((own) => bytes <= own.bytes) ?? bandwidths.at(-1)!
  return Math.max(flops / gflops, bytes / level.gigabytes) / 1e6
}

function fastest(run: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    run()
    best = Math.min(best, performance.now() - start)
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
