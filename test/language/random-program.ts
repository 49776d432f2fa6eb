/** Well-typed programs of the language, drawn from a stream of choices. Each is one model with a train and an infer block. */

/** Values made so far: every one has the axes [Batch, …rest]. */
interface Value {
  readonly name: string
  readonly rest: readonly number[]
}

interface Draft {
  readonly lines: string[]
  readonly values: Value[]
  count: number
  pick(limit: number): number
}

export interface RandomProgram {
  readonly source: string
  /** The names of the train and infer blocks, and the length of the model's output rows. */
  readonly train: string
  readonly infer: string
  readonly width: number
}

export const INPUT_WIDTH = 6
export const VOCABULARY = 5

const axes = ['i', 'j', 'k']
const activations = ['tanh', 'sigmoid', 'silu', 'gelu', 'gelu_tanh', 'softplus', 'softsign', 'relu', 'elu', 'mish']

/** Adds a statement for a new value and returns nothing if no value so far fits the production. */
type Production = (draft: Draft) => void

const productions: readonly Production[] = [
  function activation(draft) {
    const value = any(draft)
    define(draft, value.rest, `${one(draft, activations)}(${value.name})`)
  },
  function dense(draft) {
    const value = any(draft, ({ rest }) => rest.length > 0)
    const width = 1 + draft.pick(9)
    const stage = draft.pick(2) ? `Linear(${width})` : `Linear(${width}, bias = false)`
    define(draft, [...value.rest.slice(0, -1), width], `${value.name} |> l${draft.count}: ${stage}`)
  },
  function normalisation(draft) {
    const value = any(draft, ({ rest }) => rest.length > 0 && rest.at(-1)! >= 3)
    define(draft, value.rest, `${value.name} |> n${draft.count}: ${one(draft, ['LayerNorm(1e-2)', 'RmsNorm(1e-2)'])}`)
  },
  function distribution(draft) {
    const value = any(draft, ({ rest }) => rest.length > 0)
    define(draft, value.rest, `${one(draft, ['softmax', 'log_softmax'])}(${value.name})`)
  },
  function arithmetic(draft) {
    const left = any(draft)
    const right = any(draft, ({ rest }) => String(rest) === String(left.rest))
    const form = one(draft, ['A + B', 'A - 0.5 * B', 'A * tanh(B)', 'A / (1.5 + sin(B))', 'max(A, B)', '-A + B ^ 2'])
    define(draft, left.rest, form.replace('A', left.name).replace('B', right.name))
  },
  function choice(draft) {
    const value = any(draft)
    define(draft, value.rest, `if ${value.name} > 0.25 then ${value.name} else 0.3 * ${value.name} + 0.175`)
  },
  function dropout(draft) {
    const value = any(draft)
    define(draft, value.rest, `${value.name} |> Dropout(0.3)`)
  },
  function product(draft) {
    const value = any(draft, ({ rest }) => rest.length === 1)
    const width = 1 + draft.pick(9)
    const weight = parameter(draft, [value.rest[0]!, width])
    indexed(draft, [width], ['j'], `sum[i](${value.name}[b, i] * ${weight}[i, j])`)
  },
  function adaptedProduct(draft) {
    const value = any(draft, ({ rest }) => rest.length === 1)
    const width = 1 + draft.pick(12)
    const [weight, down, up] = [
      [value.rest[0]!, width],
      [value.rest[0]!, 2],
      [2, width],
    ].map((shape) => parameter(draft, shape))
    const scale = parameter(draft, [width])
    define(draft, [width], `${value.name} @ (tanh(${weight}) + ${down} @ ${up}) * exp(0.3 * ${scale})`)
  },
  function pairwiseProduct(draft) {
    const left = any(draft, ({ rest }) => rest.length === 2)
    const right = any(draft, ({ rest }) => rest.length === 2 && rest[1] === left.rest[1])
    const body = `sum[k](${left.name}[b, i, k] * ${right.name}[b, j, k]) / sqrt(${left.rest[1]})`
    indexed(draft, [left.rest[0]!, right.rest[0]!], ['i', 'j'], body)
  },
  function outerProduct(draft) {
    const left = any(draft, ({ rest }) => rest.length === 1)
    const right = any(draft, ({ rest }) => rest.length === 1)
    indexed(draft, [left.rest[0]!, right.rest[0]!], ['i', 'j'], `${left.name}[b, i] * ${right.name}[b, j]`)
  },
  function transpose(draft) {
    const value = any(draft, ({ rest }) => rest.length === 2)
    indexed(draft, [value.rest[1]!, value.rest[0]!], ['j', 'i'], `${value.name}[b, i, j]`)
  },
  function reduction(draft) {
    const value = any(draft, ({ rest }) => rest.length > 0)
    const kept = axes.slice(0, value.rest.length - 1)
    const last = axes[kept.length]!
    const body = `${one(draft, ['sum', 'mean', 'max', 'min'])}[${last}](${value.name}[${['b', ...kept, last].join(', ')}])`
    indexed(draft, value.rest.slice(0, -1), kept, body)
  },
  function causalMask(draft) {
    const value = any(draft, ({ rest }) => rest.length === 2)
    indexed(draft, value.rest, ['i', 'j'], `if j <= i then ${value.name}[b, i, j] else 0.0`)
  },
  function shift(draft) {
    const value = any(draft, ({ rest }) => rest.length === 1)
    indexed(draft, value.rest, ['i'], `${value.name}[b, i] - (${value.name}[b, i - 1] ?? 0.5)`)
  },
  function convolution(draft) {
    const value = any(draft, ({ rest }) => rest.length === 1)
    const filter = parameter(draft, [3])
    indexed(
      draft,
      value.rest,
      ['i'],
      `0.1 * ${value.name}[b, i] + sum[p]((${value.name}[b, i + p - 1] ?? 0.0) * ${filter}[p])`,
    )
  },
  function centred(draft) {
    const value = any(draft, ({ rest }) => rest.length === 1)
    const mean = `c${draft.count}`
    draft.lines.push(`  let ${mean}[i] = mean[b](${value.name}[b, i])`)
    define(draft, value.rest, `${value.name} - ${mean}`)
  },
  function flattened(draft) {
    const value = any(draft, ({ rest }) => rest.length === 2)
    define(draft, [value.rest[0]! * value.rest[1]!], `flatten(${value.name}, from = 1)`)
  },
  function half(draft) {
    const value = any(draft, ({ rest }) => rest.length > 0 && rest.at(-1)! % 2 === 0)
    const [first, second] = [`h${draft.count}`, `g${draft.count}`]
    draft.lines.push(`  let (${first}, ${second}) = split(${value.name}, 2)`)
    define(draft, [...value.rest.slice(0, -1), value.rest.at(-1)! / 2], `${first} * sigmoid(${second})`)
  },
  function joined(draft) {
    const left = any(draft, ({ rest }) => rest.length === 1)
    const right = any(draft, ({ rest }) => rest.length === 1)
    define(draft, [left.rest[0]! + right.rest[0]!], `concat([${left.name}, ${right.name}], axis = 1)`)
  },
  function embedding(draft) {
    const width = 1 + draft.pick(6)
    define(draft, [width], `ids |> e${draft.count}: Embedding(${VOCABULARY}, ${width})`)
  },
]

/** Draws a program of `statements` statements. `choices` are non-negative integers, used in order and then again. */
export function randomProgram(suffix: string, choices: readonly number[], statements: number): RandomProgram {
  let at = 0
  const draft: Draft = {
    lines: [],
    values: [{ name: 'x', rest: [INPUT_WIDTH] }],
    count: 0,
    pick: (limit) => choices[at++ % choices.length]! % limit,
  }
  for (let statement = 0; statement < statements; statement++) one(draft, productions)(draft)
  // What was made last feeds the result, so that most of the program matters.
  const parts = draft.values.slice(-2).map(({ name, rest }) => (rest.length < 2 ? name : `flatten(${name}, from = 1)`))
  const width = 1 + draft.pick(4)
  const stages = parts.map((part, index) => {
    const { rest } = draft.values.slice(-2)[index]!
    if (rest.length > 0) return `(tanh(${part}) |> out${index}: Linear(${width}))`
    draft.lines.push(`  let wide${index}[b, i] = tanh(${part})[b] * ${parameter(draft, [width])}[i]`)
    return `wide${index}`
  })
  const signature = `x: f32[Batch, ${INPUT_WIDTH}], ids: i32[Batch]`
  const source = `model Net${suffix}(${signature}) -> f32[Batch, ${width}] {
${draft.lines.join('\n')}
  return ${stages.join(' + ')}
}
train fit${suffix}(${signature}, target: f32[Batch, ${width}]) {
  loss mean_squared_error(Net${suffix}(x, ids), target)
  optimizer sgd(lr = 0.1, momentum = 0.9)
}
infer slope${suffix}(${signature}) -> (value: f32[Batch, ${width}], slope: f32[Batch, ${INPUT_WIDTH}]) {
  let value = Net${suffix}(x, ids)
  return (value, gradient(sum(value), x))
}
`
  return { source, train: `fit${suffix}`, infer: `slope${suffix}`, width }
}

function one<T>(draft: Draft, items: readonly T[]): T {
  return items[draft.pick(items.length)]!
}

/** A value that fits, else one made to fit: the input for a row, its outer product with itself for a matrix. */
function any(draft: Draft, fits: (value: Value) => boolean = () => true): Value {
  const found = draft.values.filter(fits)
  if (found.length > 0) return found[draft.pick(found.length)]!
  const square = { name: 'square', rest: [INPUT_WIDTH, INPUT_WIDTH] }
  if (!draft.lines.some((line) => line.includes('let square['))) {
    draft.lines.push('  let square[b, i, j] = x[b, i] * x[b, j]')
    draft.values.push(square)
  }
  return fits(square) ? square : draft.values[0]!
}

function define(draft: Draft, rest: readonly number[], expression: string): void {
  const name = `v${draft.count++}`
  draft.lines.push(`  let ${name} = ${expression}`)
  keep(draft, name, rest)
}

function indexed(draft: Draft, rest: readonly number[], indices: readonly string[], body: string): void {
  const name = `v${draft.count++}`
  draft.lines.push(`  let ${name}[${['b', ...indices].join(', ')}] = ${body}`)
  keep(draft, name, rest)
}

function keep(draft: Draft, name: string, rest: readonly number[]): void {
  if (rest.reduce((total, size) => total * size, 1) <= 64) draft.values.push({ name, rest })
}

function parameter(draft: Draft, shape: readonly number[]): string {
  const name = `p${draft.count++}`
  draft.lines.push(`  param ${name}: f32[${shape.join(', ')}] = normal(std = 0.5)`)
  return name
}
