import type { Manifest, ManifestEntry, ManifestHyper, ManifestTensor, ManifestTrain } from '../../runtime/manifest.ts'
import { sizeText, typeText } from '../../runtime/size.ts'

/** The text of `<name>.d.ts`: the model's own names and shapes, then the types of the runtime. */
export function declarationText(manifest: Manifest, runtimeTypes: string): string {
  const { name } = manifest
  const own = capitalised(name)
  const dims = manifest.dims.map((dim) => `${dim.name} from ${dim.minimum} to ${dim.maximum}`)
  const entry = (wanted: string): ManifestEntry => manifest.entries.find((candidate) => candidate.name === wanted)!
  const trains = manifest.trains.map((train) => ({
    name: train.name,
    entry: entry(train.step),
    measures: measuresOf(train, entry(train.step)),
  }))
  const infers = manifest.entries.filter((candidate) => candidate.kind === 'infer')
  return `// Made by nnc ${manifest.compiler} from ${name}.nn.

/** The model of ${name}.nn${dims.length > 0 ? `, with ${dims.join(', ')}` : ''}. */
export type ${own}Model = Model<${own}Types>

/** The model, initialised and ready to train or predict; its modules are read from beside this file. */
export declare function create(options?: LoadOptions): Promise<${own}Model>

/** The same in a worker of its own; every method answers with a promise. */
export declare function createInWorker(options?: LoadOptions): Promise<ModelInWorker<${own}Types>>

/** The names in ${name}.nn: of train blocks, infer blocks and models, their inputs and outputs, and of parameters. */
export interface ${own}Types {
  readonly trains: {${block(trains.map((train) => `${key(train.name)}: {\n${fields('inputs', train.entry.inputs, inputType)}${fields('metrics', train.measures, metricType)}    }`))}}
  readonly infers: {${block(infers.map((infer) => `${key(infer.name)}: {\n${fields('inputs', infer.inputs, inputType)}${fields('outputs', infer.outputs, outputType)}    }`))}}
  readonly parameters: ${union(manifest.variables.filter(({ kind }) => kind === 'parameter'))}
  readonly variables: ${union(manifest.variables)}
${manifest.hypers.length > 0 ? `  /** ${manifest.hypers.map(hyperText).join('; ')} */\n` : ''}  readonly hypers: ${union(manifest.hypers)}
}

/** The only error thrown on purpose; the message says what was found and what to do. */
export declare class ModelError extends Error {
  readonly code: ModelErrorCode
  constructor(code: ModelErrorCode, message: string)
}

/** Loads a module from anywhere else. */
export declare function load<S extends Signature = ${own}Types>(
  source: ModuleSource | { readonly plain: ModuleSource; readonly relaxed?: ModuleSource; readonly wide?: ModuleSource },
  options?: LoadOptions,
): Promise<Model<S>>

/** Text to token ids and back, with the vocabulary a checkpoint's metadata holds. */
export declare function createTokenizer(vocabulary: Vocabulary): Tokenizer

/** For a worker of your own: the worker calls \`serveModel(create)\`, the page \`connectWorker(worker)\`. */
export declare function serveModel<S extends Signature>(
  create: (options: LoadOptions) => Promise<Model<S>>,
  port?: MessagePortLike,
): void
export declare function connectWorker<S extends Signature = ${own}Types>(
  port: MessagePortLike,
  options?: LoadOptions,
): Promise<ModelInWorker<S>>

${runtimeTypes}`
}

/** `digits` → `Digits`, `my-net.v2` → `MyNetV2` */
function capitalised(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const joined = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z]/.test(joined) ? joined : `Net${joined}`
}

function block(items: readonly string[]): string {
  return items.length === 0 ? '' : `\n${items.map((item) => `    readonly ${item}\n`).join('')}  `
}

function fields(title: string, tensors: readonly ManifestTensor[], type: (tensor: ManifestTensor) => string): string {
  const lines = tensors.map(
    (tensor) =>
      `        /** ${typeText(tensor)}${tensor.limit === undefined ? '' : `, below ${sizeText(tensor.limit)}`} */\n        readonly ${key(tensor.name)}: ${type(tensor)}\n`,
  )
  return `      readonly ${title}: {${lines.length === 0 ? '' : `\n${lines.join('')}      `}}\n`
}

function inputType({ dtype }: ManifestTensor): string {
  return dtype === 'f32' ? 'Input' : 'IntegerInput'
}

/** The loss and the metrics as they are read: a statistic of an epoch is one number, whatever it is computed from. */
function measuresOf({ metrics }: ManifestTrain, { outputs }: ManifestEntry): ManifestTensor[] {
  const outputOf = (name: string): ManifestTensor => outputs.find((output) => output.name === name)!
  return [
    outputOf('loss'),
    ...metrics.map(({ name, over }) =>
      typeof over === 'string' ? outputOf(name) : { ...outputOf(over.columns[0]!), name, shape: [] },
    ),
  ]
}

function metricType(tensor: ManifestTensor): string {
  return tensor.shape.length === 0 ? 'number' : outputType(tensor)
}

function outputType({ dtype }: ManifestTensor): string {
  return `Tensor<${{ f32: 'Float32Array', i32: 'Int32Array', bool: 'Uint8Array' }[dtype]}>`
}

function hyperText(hyper: ManifestHyper): string {
  const range = hyper.minimum === undefined ? '' : ` in ${hyper.minimum}..${hyper.maximum}`
  return `${hyper.name} = ${hyper.default}${range}`
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}

function union(items: readonly { readonly name: string }[]): string {
  return items.map((item) => JSON.stringify(item.name)).join(' | ') || 'never'
}
