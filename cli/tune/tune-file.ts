import { totalmem } from 'node:os'
import type { Entry, Program } from '../../compiler/5-fuse/program.ts'
import type { BuildName, Compilation } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'
import type { SimdBuild } from '../../runtime/manifest.ts'
import { importDigests, settle } from '../compile-file.ts'
import { compileOnce } from '../compile-once.ts'
import { hostBuild } from '../host-build.ts'
import { callOf } from '../measure/bench.ts'
import { measuredSizes, type Sizes } from '../measure/sizes.ts'
import { formatBytes } from '../numbers.ts'
import { usualThreads } from '../open-model.ts'
import type { Assignments } from '../options.ts'
import { importReader, readSource } from '../source-file.ts'
import type { Terminal } from '../terminal.ts'
import { UserError } from '../user-error.ts'
import { agree, resultsOf } from './agreement.ts'
import { buildOf, type Candidate, candidatesFor, isSame } from './candidate.ts'
import { choose, type Standing } from './choose.ts'
import { race } from './race.ts'
import { keepTuning, machineName, type Purpose } from './tuning.ts'

export interface TuneFileOptions {
  readonly batch?: number
  readonly seconds: number
  readonly threads?: number
  readonly set?: Assignments
  readonly avx2?: true
}

/** What was measured and chosen, in the form `--json` prints. */
export interface TuneReport {
  readonly file: string
  readonly machine: string
  readonly sizes: Sizes
  /** The first is the usual way. */
  readonly candidates: readonly Candidate[]
  /** Those left out because their results differ from the plain build's. */
  readonly differing: readonly Candidate[]
  /** Of each entry point, the milliseconds of one call for each candidate. */
  readonly entries: readonly { readonly entry: string; readonly purpose: Purpose; readonly ms: readonly number[] }[]
  readonly chosen: Partial<Readonly<Record<Purpose, Standing>>>
}

/** Shares of the time: until the engine has optimised the builds that come first, and for the measurement itself. */
const WARM_UP = 0.2

interface Runner {
  readonly candidate: Candidate
  readonly model: Model
}

/**
 * Measures the ways to run a file that can differ in speed, interleaved, and keeps the fastest for training and for prediction in
 * the cache.
 *
 * @throws UserError where there is nothing to choose from
 */
export async function tuneFile(file: string, options: TuneFileOptions, terminal: Terminal): Promise<TuneReport> {
  const source = await readSource(file, terminal.directory)
  const host = await hostBuild()
  const narrow: readonly SimdBuild[] = host === 'relaxed' ? ['relaxed', 'plain'] : ['plain']
  const builds: readonly SimdBuild[] = options.avx2 ? [...narrow, 'wide'] : narrow
  const usual: Candidate = { simd: host, threads: options.threads ?? usualThreads(), winograd: true }
  const modulesOf = (candidates: readonly Candidate[]): readonly BuildName[] => [...new Set(candidates.map(buildOf))]
  const compileWith = async (winograd: boolean, made: readonly BuildName[]): Promise<Compilation> => {
    const compilation = await compileOnce(source.text, {
      file: source.name,
      settings: options.set ?? {},
      resolve: importReader(terminal.directory),
      builds: made,
      winograd,
    })
    await settle(compilation, terminal)
    return compilation
  }
  const first = await compileWith(true, modulesOf(candidatesFor(usual, builds, false)))
  const program = first.program!
  const byWinograd = program.entries.some(({ calls }) => calls.some(usesWinograd))
  const all = candidatesFor(usual, builds, byWinograd)
  if (all.length === 1)
    throw new UserError(
      `there is nothing to tune for ${source.name}: this engine runs the ${host} build only, one thread is wanted, and the file has no convolutions with two ways to compute them`,
    )
  const entries = program.entries.filter(({ kind }) => kind === 'step' || kind === 'infer')
  if (entries.length === 0) throw new UserError(`there is nothing to tune for ${source.name}: it has no entry point`)
  const second = byWinograd ? await compileWith(false, modulesOf(all.filter(({ winograd }) => !winograd))) : undefined
  requireRoom(program, all.length)
  const sizes = measuredSizes(program, options.batch)
  const loadAll = async (candidates: readonly Candidate[]): Promise<Runner[]> =>
    allDifferent(
      await Promise.all(
        candidates.map(async (candidate) => {
          const { modules } = candidate.winograd ? first : second!
          const { simd, threads } = candidate
          const model = await load(new Uint8Array(modules![buildOf(candidate)]!), { build: simd, threads })
          return { candidate: { ...candidate, threads: model.threads }, model }
        }),
      ),
    )
  const budget = 1000 * options.seconds
  const runners = await loadAll(all.filter(({ simd }) => simd !== 'wide'))
  if (options.avx2) {
    // These are brought to full speed before the revectoriser is switched on, so that they stay as they are.
    const each = (WARM_UP * budget) / entries.length
    for (const entry of entries) race(callsOf(entry, runners, sizes), each)
    const { requireCompilation, requireRevectoriser } = await import('../revectoriser.ts')
    await requireRevectoriser(true, terminal)
    for (const { modules } of second ? [first, second] : [first])
      for (const build of ['wide', 'wide-threads'] as const)
        if (modules![build]) await requireCompilation(modules![build])
    runners.push(...(await loadAll(all.filter(({ simd }) => simd === 'wide'))))
  }
  const plain = runners.find(({ candidate }) => candidate.simd === 'plain' && candidate.threads === 1)!.model
  const expected = entries.map((entry) => resultsOf(entry, plain, sizes))
  const right = runners.filter(({ model }) =>
    entries.every((entry, at) => agree(resultsOf(entry, model, sizes), expected[at]!)),
  )
  const candidates = right.map(({ candidate }) => candidate)
  const differing = runners.map(({ candidate }) => candidate).filter((candidate) => !candidates.includes(candidate))
  if (!candidates.includes(runners[0]!.candidate))
    throw new Error(`internal: tune: the ${host} build's results differ from those of the plain build`)
  const measured = entries.map((entry) => ({
    entry: entry.name,
    purpose: purposeOf(entry),
    ms: race(callsOf(entry, right, sizes), ((1 - WARM_UP) * budget) / entries.length),
  }))
  for (const { model } of runners) model.close()
  const chosen: Partial<Record<Purpose, Standing>> = {}
  for (const purpose of ['training', 'prediction'] as const) {
    const times = measured.filter((own) => own.purpose === purpose).map(({ ms }) => ms)
    if (times.length > 0) chosen[purpose] = choose(candidates, times)
  }
  const tuning = Object.fromEntries(Object.entries(chosen).map(([purpose, { candidate }]) => [purpose, candidate]))
  await keepTuning(source, options.set, tuning, importDigests(first), terminal)
  return { file: source.name, machine: machineName(), sizes, candidates, differing, entries: measured, chosen }
}

/** A model with nothing to share has one thread, however many are asked for: then several candidates are one. */
function allDifferent(runners: readonly Runner[]): Runner[] {
  const different: Runner[] = []
  for (const runner of runners) {
    if (different.some(({ candidate }) => isSame(candidate, runner.candidate))) runner.model.close()
    else different.push(runner)
  }
  return different
}

function usesWinograd(call: Program['entries'][number]['calls'][number]): boolean {
  if (call.kind === 'loop') return call.body.some(usesWinograd)
  return call.kind === 'convolution' && call.method.kind === 'winograd'
}

function purposeOf({ kind }: Entry): Purpose {
  return kind === 'infer' ? 'prediction' : 'training'
}

function callsOf(entry: Entry, runners: readonly Runner[], sizes: Sizes): ((turn: number) => void)[] {
  return runners.map(({ model }) => {
    model.init(1)
    return callOf(entry, model, sizes)
  })
}

/** All candidates are in memory at once, since they take turns. */
function requireRoom({ memory }: Program, candidates: number): void {
  const wanted = memory.total * candidates
  if (wanted > totalmem() / 2)
    throw new UserError(
      `${candidates} candidates of ${formatBytes(memory.total)} each do not fit into memory beside each other`,
      'give --threads 1, which leaves fewer of them, or a smaller range to the run-time dimensions',
    )
}
