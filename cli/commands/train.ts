import { join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { DoneEvent, Model } from '../../runtime/api.ts'
import { simdOf } from '../../runtime/builds.ts'
import type { SimdBuild } from '../../runtime/manifest.ts'
import type { HistoryKeeper } from '../curve/keep-history.ts'
import type { FoldRows } from '../data/folds.ts'
import { exitCode } from '../exit-code.ts'
import { makeFolder } from '../make-folder.ts'
import {
  type Assignments,
  avx2Option,
  buildOption,
  cacheOption,
  foldCount,
  hyperOption,
  minutes,
  positiveInteger,
  seed,
  setOption,
  threadsOption,
} from '../options.ts'
import type { CommandContext } from '../program.ts'
import { displayName } from '../source-file.ts'
import { styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import type { FoldReport } from '../train/fold-report.ts'
import { keepCheckpoint } from '../train/keep-checkpoint.ts'
import { checkSameCategories } from '../train/same-categories.ts'
import { checkWritable, saveWeights } from '../train/save-weights.ts'
import type { TrainFacts, TrainReport } from '../train/train-report.ts'
import { UserError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc train digits.nn
  $ nnc train digits.nn --set Epochs=10 --set Hidden=512 --hyper lr=1e-3 -o runs/wide
  $ nnc train digits.nn --resume out/digits.checkpoint.safetensors
  $ nnc train digits.nn --curve digits.svg
  $ nnc train iris.nn --folds 5               cross-validation: five runs, mean and deviation
  $ nnc train digits.nn --json | tail -1      the result, for a program
`

interface TrainOptions {
  readonly train?: string
  readonly epochs?: number
  readonly batch?: number
  readonly seed?: number
  readonly set?: Assignments
  readonly hyper?: Assignments
  readonly out: string
  readonly resume?: string
  readonly checkpoint: number
  readonly curve?: string
  readonly folds?: number
  readonly foldsOver: FoldRows
  readonly quiet?: true
  readonly json?: true
  readonly build?: SimdBuild
  readonly avx2?: true
  readonly threads?: number
  readonly cache: boolean
}

/** `nnc train`: compile, train on the file's data, save the parameters. */
export function trainCommand(context: CommandContext): Command {
  return new Command('train')
    .description("train a file's model on its data and save the parameters")
    .argument('<file>', 'the .nn file')
    .option('--train <name>', 'which `train` block, if there are several')
    .option('--epochs <count>', 'the last epoch', positiveInteger)
    .option('--batch <rows>', 'rows a step', positiveInteger)
    .option('--seed <number>', 'of the initial parameters, the shuffling and all random numbers', seed)
    .addOption(setOption())
    .addOption(hyperOption())
    .option('-o, --out <folder>', 'where the parameters go', 'out')
    .option('--resume <checkpoint>', 'go on where an interrupted run stopped')
    .addOption(
      new Option('--checkpoint <minutes>', 'how often to save one while training goes on; 0 after every epoch')
        .argParser(minutes)
        .default(5),
    )
    .addOption(
      new Option('--folds <k>', 'cross-validation: train k times, each tested on another k-th of the rows')
        .argParser(foldCount)
        .conflicts(['resume', 'curve']),
    )
    .addOption(
      new Option('--folds-over <rows>', 'what folds are made of: all but the test part, or all rows')
        .choices(['learning', 'all'])
        .default('learning'),
    )
    .option('--curve <file>', 'draw loss and metrics, an .svg renewed while training goes on')
    .addOption(buildOption())
    .addOption(avx2Option())
    .addOption(threadsOption())
    .option('--quiet', 'print errors only')
    .option('--json', 'print one JSON object per line: start, epoch …, done')
    .addOption(cacheOption())
    .addHelpText('after', examples)
    .action((file: string, options: TrainOptions) => train(file, options, context))
}

async function train(file: string, options: TrainOptions, { terminal, outcome }: CommandContext): Promise<void> {
  const { folds } = options
  if (folds !== undefined) {
    const { crossValidate } = await import('../train/cross-validate.ts')
    const report = await chooseFoldReport(options, terminal)
    try {
      if (!(await crossValidate(file, { ...options, folds }, terminal, report))) outcome.code = exitCode.interrupted
    } catch (error) {
      report.failed()
      throw error
    }
    return
  }
  const report = await chooseReport(options, terminal)
  try {
    const { reason } = await runTraining(file, options, terminal, report)
    if (reason === 'cancelled') outcome.code = exitCode.interrupted
  } catch (error) {
    report.failed()
    throw error
  }
}

async function runTraining(
  file: string,
  options: TrainOptions,
  terminal: Terminal,
  report: TrainReport,
): Promise<DoneEvent> {
  const {
    batchOf,
    chooseTrain,
    dataOf,
    openModel,
    parameterCount,
    restoreWeights,
    stepEntry,
    wantedInputs,
    writeNotes,
  } = await import('../open-model.ts')
  const [{ loadData }, { loadPretrained }, { keepHistory }, { notedSteps }] = await Promise.all([
    import('../data/load-data.ts'),
    import('../pretrained.ts'),
    import('../curve/keep-history.ts'),
    import('../curve/record-history.ts'),
  ])
  report.preparing(`compiling ${file}`)
  const open = await openModel(file, { ...options, purpose: 'training' }, terminal)
  const { compiled, model } = open
  const settings = chooseTrain(model, compiled.source.name, options.train)
  const declaration = dataOf(compiled, settings)
  const wanted = wantedInputs(stepEntry(model, settings), settings.batchDim)
  report.preparing('reading the data')
  const { parts, rows, learned, categories } = await loadData(declaration, compiled.source, wanted)
  if (options.seed !== undefined) model.init(options.seed | 0)
  // A checkpoint holds what had become of the pretrained values.
  const pretrained = options.resume === undefined ? await loadPretrained(open) : []
  const resumed =
    options.resume && (await restoreWeights(model, options.resume, terminal.directory, { optimizer: true }))
  for (const [name, value] of Object.entries(options.hyper ?? {})) model.hyper.set(name, value)
  if (resumed) checkSameCategories(resumed.learned, learned, options.resume!)
  const startEpoch = (resumed ? resumed.epochs : 0) + 1
  const epochs = options.epochs ?? settings.epochs
  if (epochs !== undefined && startEpoch > epochs)
    throw new UserError(
      `${options.resume} has all of its ${startEpoch - 1} epochs behind it`,
      `to train on, give a later last epoch, as in --epochs ${startEpoch + 4}`,
    )
  const folder = resolve(terminal.directory, options.out)
  // Before hours of training, not after.
  await makeFolder(folder, options.out)
  const { name } = model.manifest
  const files = { weights: `${name}.safetensors`, checkpoint: `${name}.checkpoint.safetensors` }
  await checkWritable(folder, [...Object.values(files), `${name}.history.json`], options.out)

  const facts: TrainFacts = {
    file: compiled.source.name,
    train: settings.name,
    parameters: parameterCount(model),
    ...(pretrained.length > 0 && { pretrained }),
    build: simdOf(model.build),
    threads: model.threads,
    compileMilliseconds: compiled.milliseconds,
    fromCache: compiled.fromCache,
    rows,
    batch: options.batch ?? batchOf(model, settings),
    startEpoch,
    epochs: epochs ?? 1,
    seed: model.seed >>> 0,
    metrics: settings.metrics,
    categories,
  }
  const interruption = new AbortController()
  const events = model.fit(settings.name, parts.train!, {
    ...(parts.valid && { valid: parts.valid }),
    ...(parts.test && { test: parts.test }),
    ...(options.batch !== undefined && { batch: options.batch }),
    ...(epochs !== undefined && { epochs }),
    startEpoch,
    signal: interruption.signal,
    progressSteps: notedSteps(facts),
  })
  const historyFile = join(folder, `${name}.history.json`)
  const warn = (message: string, hint?: string): void => {
    report.failed()
    const style = styleFor(terminal.errorColor)
    terminal.writeError(`${style.bold(style.yellow('warning'))}: ${message}\n`)
    if (hint !== undefined) terminal.writeError(`${style.cyan('help')}: ${hint}\n`)
  }
  const keeper = await keepHistory(
    facts,
    {
      file: historyFile,
      ...(options.curve !== undefined && { picture: resolve(terminal.directory, options.curve) }),
      ...(options.resume !== undefined && { resumed: resolve(terminal.directory, options.resume) }),
    },
    warn,
  )
  const checkpoints = keepCheckpoint(join(folder, files.checkpoint), options.checkpoint, warn)
  const save = (epochs: number): Uint8Array => model.save({ metadata: writeNotes({ epochs, learned, categories }) })
  report.start(facts)
  // The first Ctrl-C ends the run after the step; a second one ends the process.
  const release = terminal.onInterrupt(() => {
    release()
    report.interrupted()
    interruption.abort()
  })
  let done: DoneEvent
  let bytes: Uint8Array
  let path: string
  try {
    done = await follow(events, report, keeper, warn, (epochs) => checkpoints.keep(() => save(epochs)))
    path = join(folder, done.reason === 'cancelled' ? files.checkpoint : files.weights)
    bytes = save(done.epochs)
    await saveWeights(path, bytes)
  } finally {
    release()
  }
  if (done.reason !== 'cancelled') await checkpoints.release()
  await keeper.done(done)
  report.done({
    done,
    weights: displayName(path, terminal.directory),
    weightsBytes: bytes.length,
    history: displayName(historyFile, terminal.directory),
    ...(options.curve !== undefined && { curve: options.curve }),
  })
  return done
}

/** Reads the run's events to the end. @param checkpoint called where one may be written, with the epochs that are complete */
async function follow(
  events: ReturnType<Model['fit']>,
  report: TrainReport,
  keeper: HistoryKeeper,
  warn: (message: string, hint?: string) => void,
  checkpoint: (epochs: number) => Promise<void>,
): Promise<DoneEvent> {
  let finite = true
  for await (const event of events) {
    if (event.kind === 'done') return event
    if (event.kind === 'step') {
      keeper.step(event)
      report.step(event)
      // The last step's numbers are the epoch's, which comes next.
      if (event.step < event.steps) await checkpoint(event.epoch - 1)
      continue
    }
    report.epoch(event)
    await keeper.epoch(event)
    if (finite && !Number.isFinite(event.train.loss)) warnOfDivergence(event.epoch, warn)
    finite &&= Number.isFinite(event.train.loss)
    if (event.epoch < event.epochs) await checkpoint(event.epoch)
  }
  throw new Error('internal: fit ended without saying so')
}

function warnOfDivergence(epoch: number, warn: (message: string, hint?: string) => void): void {
  warn(
    `the loss is not a finite number since epoch ${epoch}`,
    'a smaller learning rate, or `clip global_norm(1.0)` in the train block, may keep it finite',
  )
}

async function chooseReport(options: TrainOptions, terminal: Terminal): Promise<TrainReport> {
  if (options.json) return (await import('../train/json-report.ts')).jsonReport(terminal)
  if (options.quiet) return (await import('../train/json-report.ts')).quietReport
  return (await import('../train/text-report.ts')).textReport(terminal)
}

async function chooseFoldReport(options: TrainOptions, terminal: Terminal): Promise<FoldReport> {
  if (options.json) return (await import('../train/json-fold-report.ts')).jsonFoldReport(terminal)
  if (options.quiet) return (await import('../train/json-fold-report.ts')).quietFoldReport
  return (await import('../train/text-fold-report.ts')).textFoldReport(terminal)
}
