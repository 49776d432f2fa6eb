/** V8's revectoriser, which joins pairs of adjacent 128-bit vectors: switched on for `--avx2`, after a trial. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { compilerFingerprint } from '../compiler/generated/identity.ts'
import type { Model } from '../runtime/index.ts'
import { load } from '../runtime/index.ts'
import { cacheKey, noCache } from './cache.ts'
import { userCache } from './compile-file.ts'
import { formatTime } from './measure/format-time.ts'
import type { Terminal } from './terminal.ts'
import { UserError } from './user-error.ts'

const FLAG = '--experimental-wasm-revectorize'
const REMEDY = 'leave out --avx2'
/** So many times as fast a product has to be. */
const LEAST_GAIN = 1.15
const PRODUCT_ROUNDS = 40
const TRIALS = 12
const PAUSE_MS = 50
/** Enough for the engine to replace its first, unoptimised code, which has no pairs. */
const TRAINING_STEPS = 60

/** A product to time, and two little networks with the usual kernels, to compare their bits. */
const trial = `infer product(a: f32[192, 192], b: f32[192, 192]) -> f32[192, 192] { return a @ b }
dim Batch in 1..32
model Net(x: f32[Batch, 48]) -> f32[Batch, 10] {
  return x |> first: Linear(75) |> norm: LayerNorm |> gelu |> second: Linear(64) |> tanh |> head: Linear(10)
}
train fit(x: f32[Batch, 48], y: i32[Batch]) {
  loss cross_entropy(Net(x), y)
  optimizer adam(lr = 1e-3)
}
model Images(x: f32[Batch, 2, 18, 21]) -> f32[Batch, 5] {
  return x |> first: Conv(6, 3) |> relu |> second: Conv(9, 5, stride = 2) |> norm: BatchNorm2d |> relu
    |> MaxPool(2) |> flatten(from = 1) |> head: Linear(5)
}
train see(x: f32[Batch, 2, 18, 21], y: i32[Batch]) {
  loss cross_entropy(Images(x), y)
  optimizer sgd(lr = 1e-2, momentum = 0.9)
}
`

/** Switches it on where it has been tried before, for modules compiled from here on. */
export function switchRevectoriserOn(): void {
  setFlagsFromString(FLAG)
}

/**
 * Switches the revectoriser on after a trial, for modules compiled from here on.
 *
 * @throws UserError where this engine has none, where a product gains nothing, or where results differ
 */
export async function requireRevectoriser(cache: boolean, terminal: Terminal): Promise<void> {
  if (!execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' }).includes(FLAG))
    throw new UserError(
      `--avx2: this engine has no revectoriser (Node.js ${process.versions.node}; Node.js 24 or later has)`,
      REMEDY,
    )
  const { relaxed, wide } = await trialModules(cache, terminal)
  await requireCompilation(wide)
  // The relaxed build is brought to full speed before the flag is set, so that it stays as it is.
  const without = await load(relaxed)
  const expected = results(without)
  switchRevectoriserOn()
  const joined = await load(wide)
  const { before, after } = await compare(productOf(without), productOf(joined))
  if (before / after < LEAST_GAIN)
    throw new UserError(
      `--avx2: it does not help here: a product takes ${formatTime(after)} with it and ${formatTime(before)} without`,
      REMEDY,
    )
  if (!Buffer.from(results(joined).buffer).equals(Buffer.from(expected.buffer)))
    throw new UserError('--avx2: results differ from those of the relaxed build here', REMEDY)
}

/**
 * Compiles a module with the revectoriser in a process of its own: a fault of that part of the engine ends the process it happens in.
 *
 * @throws UserError where it does not come through
 */
export async function requireCompilation(wasm: Uint8Array): Promise<void> {
  const compileAll = [FLAG, '--no-liftoff', '--no-wasm-lazy-compilation']
  const script = "new WebAssembly.Module(require('node:fs').readFileSync(0))"
  const child = spawn(process.execPath, [...compileAll, '-e', script], { stdio: ['pipe', 'ignore', 'ignore'] })
  // A child that has ended reads no more.
  child.stdin.on('error', () => {})
  child.stdin.end(wasm)
  const [code] = await once(child, 'close')
  if (code !== 0)
    throw new UserError(`--avx2: the revectoriser of Node.js ${process.versions.node} fails on this program`, REMEDY)
}

async function trialModules(
  cached: boolean,
  terminal: Terminal,
): Promise<{ readonly relaxed: Uint8Array; readonly wide: Uint8Array }> {
  const cache = cached ? userCache(terminal) : noCache
  const key = cacheKey([compilerFingerprint, 'revectoriser', trial])
  const entry = await cache.read(key)
  if (entry) return { relaxed: entry.blobs.relaxed!, wide: entry.blobs.wide! }
  const { compileOnce } = await import('./compile-once.ts')
  const { modules } = await compileOnce(trial, { file: 'trial.nn', builds: ['relaxed', 'wide'] })
  if (!modules?.relaxed || !modules.wide) throw new Error('internal: revectoriser: the trial does not compile')
  const { relaxed, wide } = modules
  await cache.write(key, { description: {}, blobs: { relaxed, wide } })
  return { relaxed, wide }
}

/** The product and what training came to, as one list. */
function results(model: Model): Float32Array {
  const x = numbers(32 * 48)
  const images = numbers(8 * 2 * 18 * 21)
  const classes = (rows: number) => Int32Array.from({ length: rows }, (_, row) => row % 5)
  for (let step = 0; step < TRAINING_STEPS; step++) {
    model.step('fit', { x, y: classes(32) })
    model.step('see', { x: images, y: classes(8) })
  }
  const run = productOf(model)
  for (let round = 0; round < PRODUCT_ROUNDS; round++) run()
  const trained = model.variables.list().flatMap(({ name }) => [...model.variables.get(name)])
  return Float32Array.from([...run(), ...trained])
}

function productOf(model: Model): () => Float32Array {
  const inputs = { a: numbers(192 * 192), b: numbers(192 * 192) }
  return () => Object.values(model.predict('product', inputs))[0]!.data as Float32Array
}

function numbers(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, at) => Math.sin(at))
}

/**
 * The fastest times of each, in milliseconds, in turn: other work on the machine slows all alike. Ends at a clear gain, and else waits for
 * the engine to replace its first code, which it does in the background.
 */
async function compare(first: () => unknown, second: () => unknown): Promise<{ before: number; after: number }> {
  const timed = (run: () => unknown): number => {
    const start = performance.now()
    run()
    return performance.now() - start
  }
  let before = Number.POSITIVE_INFINITY
  let after = Number.POSITIVE_INFINITY
  for (let trial = 0; trial < TRIALS && !(before / after >= LEAST_GAIN); trial++) {
    if (trial > 0) await setTimeout(PAUSE_MS)
    before = Number.POSITIVE_INFINITY
    after = Number.POSITIVE_INFINITY
    for (let round = 0; round < PRODUCT_ROUNDS; round++) {
      before = Math.min(before, timed(first))
      after = Math.min(after, timed(second))
    }
  }
  return { before, after }
}
