import type { LoadOptions, Metrics, Model, ModuleSource, ModuleSources, Signature } from './api.ts'
import { evaluatePart, finish, predictRows } from './batches.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { feed, type Inputs, prepareDataset, readOutputs } from './dataset.ts'
import { createEngine, type Engine } from './engine.ts'
import { ModelError } from './error.ts'
import { startFit } from './fit.ts'
import { startGenerate } from './generate.ts'
import type { ManifestEntry, ManifestTrain } from './manifest.ts'
import { readMeasures } from './measures.ts'
import { find } from './names.ts'
import { loadPretrained } from './pretrained.ts'
import { createHypers, createVariables } from './variables.ts'

/**
 * Loads a compiled module: its bytes, a Response, or `{ plain, relaxed }` of those, of which the best this engine runs
 * is taken. The model is initialised with the file's seed. Throws a ModelError for what is no module of nnc's, is
 * damaged, needs a newer runtime or an engine with more.
 */
export async function load<S extends Signature = Signature>(
  source: ModuleSource | ModuleSources,
  options: LoadOptions = {},
): Promise<Model<S>> {
  const model = createModel(await createEngine(source, options))
  model.init()
  // The names of S are a promise of the caller's; the model itself checks every name it is given.
  return model as unknown as Model<S>
}

function createModel(engine: Engine): Model {
  const { manifest, integers } = engine
  const entryOf = (train: ManifestTrain, kind: 'step' | 'evaluate'): ManifestEntry =>
    find(manifest.entries, train[kind], 'entry')
  const trainOf = (name: string): ManifestTrain => find(manifest.trains, name, 'train block')
  const infers = manifest.entries.filter((entry) => entry.kind === 'infer')
  const inferOf = (name: string): ManifestEntry => find(infers, name, 'infer block or model')
  const once = (train: ManifestTrain, entry: ManifestEntry, inputs: Inputs): Metrics => {
    const dims = feed(engine, entry, inputs)
    if (train.totals.length === 0) {
      engine.run(entry, dims)
      return readMeasures(engine, train, entry, dims)
    }
    const putBack = engine.totals.keep(train)
    engine.totals.begin(train)
    engine.run(entry, dims)
    const measures = readMeasures(engine, train, entry, dims)
    putBack()
    return measures
  }
  const blocks = new Map(
    manifest.trains.map((train) => [
      train.name,
      { train, step: entryOf(train, 'step'), evaluate: entryOf(train, 'evaluate') },
    ]),
  )
  const blockOf = (name: string) => blocks.get(name) ?? blocks.get(trainOf(name).name)!
  const model: Model = {
    manifest,
    build: manifest.build,
    threads: engine.threads,
    ...(engine.obstacle !== undefined && { obstacle: engine.obstacle }),
    get seed() {
      return integers[manifest.seedOffset / 4]!
    },
    get steps() {
      return integers[manifest.stepOffset / 4]!
    },
    init(seed = manifest.trains.find((train) => train.seed !== undefined)?.seed ?? 0) {
      if (!Number.isInteger(seed) || seed !== (seed | 0))
        throw new ModelError('bad-option', `seed is ${String(seed)}; it must be a whole number of 32 bits`)
      integers[manifest.seedOffset / 4] = seed
      integers[manifest.stepOffset / 4] = 0
      // States as long as a batch are stored at their longest.
      const largest = Object.fromEntries(manifest.dims.map((dim) => [dim.name, dim.maximum]))
      for (const entry of manifest.entries) if (entry.kind === 'init') engine.run(entry, largest)
      engine.carried.remember()
      engine.totals.remember()
      engine.memory.watch = undefined
      engine.memory.epoch = undefined
    },
    parameters: createVariables(
      engine,
      'parameter',
      manifest.variables.filter((variable) => variable.kind === 'parameter'),
    ),
    variables: createVariables(engine, 'variable', manifest.variables),
    hyper: createHypers(engine),
    step(name, inputs) {
      const { train, step } = blockOf(name)
      return once(train, step, inputs)
    },
    evaluate(name, inputs) {
      const { train, evaluate } = blockOf(name)
      const putBack = engine.carried.setAside(train)
      try {
        return once(train, evaluate, inputs)
      } finally {
        putBack()
      }
    },
    predict(infer, inputs) {
      const entry = inferOf(infer)
      const dims = feed(engine, entry, inputs)
      engine.run(entry, dims)
      return readOutputs(engine, entry, dims)
    },
    fit: (train, data, options = {}) => startFit(engine, trainOf(train), data, options),
    evaluateAll(train, data, options = {}) {
      const settings = trainOf(train)
      const dataset = prepareDataset(engine, entryOf(settings, 'evaluate'), data, settings.batchDim)
      const putBack = engine.totals.keep(settings)
      try {
        return finish(evaluatePart(engine, settings, dataset, options.batch))
      } finally {
        putBack()
      }
    },
    predictAll(infer, data, options = {}) {
      const entry = inferOf(infer)
      const rowDim = entry.inputs.map((input) => input.shape[0]).find((size) => typeof size === 'string')
      return predictRows(engine, prepareDataset(engine, entry, data, rowDim as string | undefined), options.batch)
    },
    generate: (infer, options) => startGenerate(engine, inferOf(infer), options),
    save: (options = {}) => writeCheckpoint(engine, options),
    restore: (bytes, options = {}) => readCheckpoint(engine, bytes, options),
    loadPretrained: (files) => loadPretrained(engine, files),
    close: () => engine.close(),
  }
  for (const { offset, default: value } of manifest.hypers) engine.floats[offset / 4] = value
  return model
}
