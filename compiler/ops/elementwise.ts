/** Ops that work element by element on operands of one shape. Beside each: f(x) and its derivative. */
import { symbol } from '../dimensions/dimension.ts'
import type { DType, TensorType } from '../types.ts'
import type { Domain, GradientRule, OpDef, OpSample, TensorValue } from './definition.ts'
import { ShapeError } from './definition.ts'
import { erf } from './error-function.ts'
import type { NoAttributes, OpAttributes, OpName } from './op.ts'
import { formatType, requireDType, requireSameDType, requireSameShape } from './requirements.ts'

/** The ops without attributes among those of this file. */
type PlainOp = { [K in OpName]: NoAttributes extends OpAttributes[K] ? K : never }[OpName]

type Rule = GradientRule<PlainOp>

const numeric: readonly DType[] = ['f32', 'i32']
const anything: readonly DType[] = ['f32', 'i32', 'bool']
const sampleShapes: readonly TensorType['shape'][] = [[], [1], [3], [4], [5], [17], [2, 3, 7], [symbol('Batch'), 8]]

function samplesOf(arity: number, dtypes: readonly DType[], domains?: readonly Domain[]): OpSample<NoAttributes>[] {
  return dtypes.flatMap((dtype) =>
    sampleShapes.map((shape) => ({
      inputs: Array.from({ length: arity }, () => ({ dtype, shape })),
      attributes: {},
      dims: { Batch: 5 },
      ...(domains && dtype === 'f32' ? { domains } : {}),
    })),
  )
}

function mapOne(x: TensorValue, dtype: DType, f: (x: number) => number): TensorValue {
  return { dtype, shape: x.shape, data: x.data.map(dtype === 'i32' ? (value) => f(value) | 0 : f) }
}

function mapTwo(x: TensorValue, y: TensorValue, dtype: DType, f: (x: number, y: number) => number): TensorValue {
  const data = x.data.map((value, at) => f(value, y.data[at]!))
  return { dtype, shape: x.shape, data: dtype === 'i32' ? data.map((value) => value | 0) : data }
}

function unary(
  op: string,
  f: (x: number) => number,
  gradient: Rule | null,
  options: { dtypes?: readonly DType[]; domain?: Domain } = {},
): OpDef<PlainOp> {
  const dtypes = options.dtypes ?? ['f32']
  return {
    arity: 1,
    class: 'elementwise',
    infer: ([x]) => {
      requireDType(op, x!, dtypes)
      return x!
    },
    gradient,
    evaluate: ([x]) => mapOne(x!, x!.dtype, f),
    samples: () => samplesOf(1, dtypes, options.domain && [options.domain]),
  }
}

function binary(
  op: string,
  f: (x: number, y: number) => number,
  gradient: Rule | null,
  options: { dtypes?: readonly DType[]; domains?: readonly [Domain, Domain]; result?: DType } = {},
): OpDef<PlainOp> {
  const dtypes = options.dtypes ?? numeric
  return {
    arity: 2,
    class: 'elementwise',
    infer: ([x, y]) => {
      requireDType(op, x!, dtypes)
      requireSameDType(op, x!, y!)
      requireSameShape(op, [x!, y!])
      return { dtype: options.result ?? x!.dtype, shape: x!.shape }
    },
    gradient,
    evaluate: ([x, y]) => mapTwo(x!, y!, options.result ?? x!.dtype, f),
    samples: () => samplesOf(2, dtypes, options.domains),
  }
}

const truth = (condition: boolean): number => (condition ? 1 : 0)

// f(x) = −x, f'(x) = −1
const neg = unary(
  'neg',
  (x) => -x,
  ({ build, cotangent: g }) => [build.neg(g)],
  { dtypes: numeric },
)

// f(x) = |x|, f'(x) = sign x, 0 at 0
const abs = unary('abs', Math.abs, ({ build, inputs, cotangent: g }) => [build.mul(g, build.sign(inputs[0]!))], {
  dtypes: numeric,
})

// f(x) = −1, 0 or 1, f'(x) = 0
const sign = unary('sign', Math.sign, null, { dtypes: numeric })

// f(x) = eˣ, f'(x) = f(x)
const exp = unary('exp', Math.exp, ({ build, output, cotangent: g }) => [build.mul(g, output)])

// f(x) = ln x, f'(x) = 1 / x
const log = unary('log', Math.log, ({ build, inputs, cotangent: g }) => [build.div(g, inputs[0]!)], {
  domain: { low: 0.2, high: 3 },
})

// f(x) = √x, f'(x) = 1 / (2 f(x)); 0 at 0, where it is infinite, so that the norm of a zero vector has gradient 0
const sqrt = unary(
  'sqrt',
  Math.sqrt,
  ({ build, output, cotangent: g }) => {
    const zero = build.like(output, 0)
    return [build.select(build.equal(output, zero), zero, build.div(build.scale(g, 0.5), output))]
  },
  { domain: { low: 0.2, high: 3 } },
)

// f(x) = 1 / √x, f'(x) = −f(x)³ / 2
const rsqrt = unary(
  'rsqrt',
  (x) => 1 / Math.sqrt(x),
  ({ build, output, cotangent: g }) => [build.mul(build.scale(g, -0.5), build.mul(output, build.mul(output, output)))],
  { domain: { low: 0.2, high: 3 } },
)

// f(x) = 1 / x, f'(x) = −f(x)²
const reciprocal = unary(
  'reciprocal',
  (x) => 1 / x,
  ({ build, output, cotangent: g }) => [build.neg(build.mul(g, build.mul(output, output)))],
  { domain: { low: 0.2, high: 3 } },
)

// f(x) = sin x, f'(x) = cos x
const sin = unary('sin', Math.sin, ({ build, inputs, cotangent: g }) => [build.mul(g, build.cos(inputs[0]!))])

// f(x) = cos x, f'(x) = −sin x
const cos = unary('cos', Math.cos, ({ build, inputs, cotangent: g }) => [
  build.neg(build.mul(g, build.sin(inputs[0]!))),
])

// f(x) = tanh x, f'(x) = 1 − f(x)²
const tanh = unary('tanh', Math.tanh, ({ build, output, cotangent: g }) => [
  build.mul(g, build.sub(build.like(output, 1), build.mul(output, output))),
])

// f(x) = 1 / (1 + e⁻ˣ), f'(x) = f(x)·(1 − f(x))
const sigmoid = unary(
  'sigmoid',
  (x) => 1 / (1 + Math.exp(-x)),
  ({ build, output, cotangent: g }) => [build.mul(g, build.mul(output, build.sub(build.like(output, 1), output)))],
)

// f(x) = erf x, f'(x) = 2/√π · exp(−x²)
const erfDefinition = unary('erf', erf, ({ build, inputs: [x], cotangent: g }) => [
  build.mul(g, build.scale(build.exp(build.neg(build.mul(x!, x!))), 2 / Math.sqrt(Math.PI))),
])

// f(x) = ⌊x⌋, f'(x) = 0
const floor = unary('floor', Math.floor, null)

// f(x) = ¬x
const not = unary('not', (x) => 1 - x, null, { dtypes: ['bool'] })

// f(x, y) = x + y, ∂f/∂x = 1, ∂f/∂y = 1
const add = binary(
  'add',
  (x, y) => x + y,
  ({ cotangent: g }) => [g, g],
)

// f(x, y) = x − y, ∂f/∂x = 1, ∂f/∂y = −1
const sub = binary(
  'sub',
  (x, y) => x - y,
  ({ build, cotangent: g }) => [g, build.neg(g)],
)

// f(x, y) = x·y, ∂f/∂x = y, ∂f/∂y = x
const mul: OpDef<'mul'> = {
  ...binary(
    'mul',
    (x, y) => x * y,
    ({ build, inputs: [x, y], cotangent: g }) => [build.mul(g, y!), build.mul(g, x!)],
  ),
  evaluate: ([x, y]) =>
    x!.dtype === 'i32' ? mapTwo(x!, y!, 'i32', Math.imul) : mapTwo(x!, y!, 'f32', (a, b) => a * b),
}

// f(x, y) = x / y, ∂f/∂x = 1 / y, ∂f/∂y = −f / y
const div = binary(
  'div',
  (x, y) => x / y,
  ({ build, inputs, output, cotangent: g }) => {
    const scaled = build.div(g, inputs[1]!)
    return [scaled, build.neg(build.mul(scaled, output))]
  },
  {
    dtypes: ['f32'],
    domains: [
      { low: -2, high: 2 },
      { low: 0.3, high: 2 },
    ],
  },
)

// f(x, y) = xʸ, ∂f/∂x = y·xʸ⁻¹ (0 where y = 0, at x = 0 too), ∂f/∂y = f·ln x (0 where x ≤ 0)
const pow = binary(
  'pow',
  (x, y) => x ** y,
  ({ build, inputs, output, cotangent: g }) => {
    const [x, y] = [inputs[0]!, inputs[1]!]
    const [zero, one] = [build.like(x, 0), build.like(x, 1)]
    const slope = build.mul(y, build.pow(x, build.sub(y, one)))
    const positive = build.less(zero, x)
    const logarithm = build.log(build.select(positive, x, one))
    return [
      build.mul(g, build.select(build.equal(y, zero), zero, slope)),
      build.mul(g, build.select(positive, build.mul(output, logarithm), zero)),
    ]
  },
  {
    dtypes: ['f32'],
    domains: [
      { low: 0.2, high: 2 },
      { low: -2, high: 2 },
    ],
  },
)

/** The cotangent to the first operand where `condition` holds, else to the second. */
const routed =
  (condition: 'first greater' | 'first less'): Rule =>
  ({ build, inputs, cotangent: g }) => {
    const [x, y] = [inputs[0]!, inputs[1]!]
    const first = condition === 'first greater' ? build.less(y, x) : build.less(x, y)
    const zero = build.like(g, 0)
    return [build.select(first, g, zero), build.select(first, zero, g)]
  }

// f(x, y) = max(x, y), ∂f/∂x = 1 where x > y else 0, ∂f/∂y = 1 − ∂f/∂x: a tie goes to y, so max(x, 0) has slope 0 at 0
const maximum = binary('maximum', Math.max, routed('first greater'))

// f(x, y) = min(x, y), ∂f/∂x = 1 where x < y else 0, ∂f/∂y = 1 − ∂f/∂x: a tie goes to y
const minimum = binary('minimum', Math.min, routed('first less'))

// f(x, y) = x < y
const less = binary('less', (x, y) => truth(x < y), null, { result: 'bool' })

// f(x, y) = x ≤ y
const less_equal = binary('less_equal', (x, y) => truth(x <= y), null, { result: 'bool' })

// f(x, y) = (x = y)
const equal = binary('equal', (x, y) => truth(x === y), null, { dtypes: anything, result: 'bool' })

// f(x, y) = (x ≠ y)
const not_equal = binary('not_equal', (x, y) => truth(x !== y), null, { dtypes: anything, result: 'bool' })

// f(x, y) = x ∧ y
const and = binary('and', (x, y) => x * y, null, { dtypes: ['bool'] })

// f(x, y) = x ∨ y
const or = binary('or', Math.max, null, { dtypes: ['bool'] })

// f(c, x, y) = x where c else y, ∂f/∂x = c, ∂f/∂y = ¬c
const select: OpDef<'select'> = {
  arity: 3,
  class: 'elementwise',
  infer: ([condition, then, otherwise]) => {
    if (condition!.dtype !== 'bool')
      throw new ShapeError(`select takes a bool condition, not ${formatType(condition!)}`)
    requireSameDType('select', then!, otherwise!)
    requireSameShape('select', [condition!, then!, otherwise!])
    return then!
  },
  gradient: ({ build, inputs, cotangent: g }) => {
    const zero = build.like(g, 0)
    return [undefined, build.select(inputs[0]!, g, zero), build.select(inputs[0]!, zero, g)]
  },
  evaluate: ([condition, then, otherwise]) => ({
    dtype: then!.dtype,
    shape: then!.shape,
    data: then!.data.map((value, at) => (condition!.data[at] ? value : otherwise!.data[at]!)),
  }),
  samples: () =>
    samplesOf(2, anything).map(({ inputs, ...sample }) => ({
      ...sample,
      inputs: [{ dtype: 'bool', shape: inputs[0]!.shape }, ...inputs],
    })),
}

// f(x) = x in another dtype; from f32 to f32 f'(x) = 1
const cast: OpDef<'cast'> = {
  arity: 1,
  class: 'elementwise',
  infer: ([x], { dtype }) => ({ dtype, shape: x!.shape }),
  gradient: ({ cotangent }) => [cotangent],
  evaluate: ([x], { dtype }) => {
    if (dtype === x!.dtype || dtype === 'f32') return { ...x!, dtype }
    if (dtype === 'bool') return mapOne(x!, 'bool', (value) => truth(value !== 0))
    return mapOne(x!, 'i32', (value) =>
      Number.isNaN(value) ? 0 : Math.min(2147483647, Math.max(-2147483648, Math.trunc(value))),
    )
  },
  samples: () =>
    anything.flatMap((from) =>
      anything.flatMap((dtype) =>
        sampleShapes.map((shape) => ({ inputs: [{ dtype: from, shape }], attributes: { dtype }, dims: { Batch: 5 } })),
      ),
    ),
}

export const elementwise = {
  neg,
  abs,
  sign,
  exp,
  log,
  sqrt,
  rsqrt,
  reciprocal,
  sin,
  cos,
  tanh,
  sigmoid,
  erf: erfDefinition,
  floor,
  not,
  cast,
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
  less,
  less_equal,
  equal,
  not_equal,
  and,
  or,
  select,
}
