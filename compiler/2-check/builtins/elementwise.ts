/** Functions of each element alone. */
import { apply, commonDtype, convertElement, dtypeOf, isElement, toElement, toTensor } from '../arithmetic.ts'
import { type Builtin, type BuiltinCall, parameters } from '../builtin.ts'
import type { ElementwiseOp } from '../checked.ts'
import { cast, emit } from '../entry.ts'
import { report } from '../session.ts'
import { errorValue, float, integer, type Value } from '../values.ts'
import { tensorArgument } from './arguments.ts'
import { reduceAll } from './reductions.ts'

interface UnaryFunction {
  readonly op: ElementwiseOp
  readonly documentation: string
  /** For numbers known when compiled. */
  readonly fold?: (x: number) => number
  /** Also defined on i32. */
  readonly integers?: boolean
}

const unary: readonly UnaryFunction[] = [
  { op: 'exp', documentation: 'eˣ', fold: Math.exp },
  { op: 'log', documentation: 'The natural logarithm.', fold: Math.log },
  { op: 'sqrt', documentation: '√x', fold: Math.sqrt },
  { op: 'rsqrt', documentation: '1 / √x', fold: (x) => 1 / Math.sqrt(x) },
  { op: 'sin', documentation: 'Sine, x in radians.', fold: Math.sin },
  { op: 'cos', documentation: 'Cosine, x in radians.', fold: Math.cos },
  { op: 'tanh', documentation: 'Hyperbolic tangent.', fold: Math.tanh },
  { op: 'sigmoid', documentation: '1 / (1 + e⁻ˣ)', fold: (x) => 1 / (1 + Math.exp(-x)) },
  { op: 'erf', documentation: 'The error function.' },
  { op: 'abs', documentation: '|x|', fold: Math.abs, integers: true },
  { op: 'sign', documentation: '−1, 0 or 1.', fold: Math.sign, integers: true },
  { op: 'floor', documentation: 'The largest whole number not above x.', fold: Math.floor },
]

export const elementwiseBuiltins: readonly Builtin[] = [
  ...unary.map(unaryBuiltin),
  extremum('max', 'maximum', Math.max),
  extremum('min', 'minimum', Math.min),
  {
    name: 'stop_gradient',
    signature: 'stop_gradient(x)',
    documentation: 'x, but no gradient flows through it.',
    parameters: parameters('x'),
    apply: (call) => {
      const x = call.arguments.x!
      const dtype = dtypeOf(x.value) ?? 'f32'
      return apply(call.frame, call.span, 'stop_gradient', [x], dtype)
    },
  },
  conversion('float', 'f32', 'As f32; true is 1.'),
  conversion('int', 'i32', 'As i32, cut toward zero.'),
]

function unaryBuiltin({ op, documentation, fold, integers }: UnaryFunction): Builtin {
  return {
    name: op,
    signature: `${op}(x)`,
    documentation: `${documentation} Elementwise.`,
    parameters: parameters('x'),
    apply: ({ frame, span, arguments: { x } }) => {
      if (x!.value.kind === 'number' && fold) return float(fold(x!.value.value))
      const dtype = commonDtype(frame, span, [x!], 'number')
      if (dtype === undefined) return errorValue
      return apply(frame, span, op, [x!], integers ? dtype : 'f32')
    },
  }
}

/** Two arguments: elementwise. One: over all elements, or over one axis. */
function extremum(name: 'max' | 'min', op: ElementwiseOp, fold: (a: number, b: number) => number): Builtin {
  return {
    name,
    signature: `${name}(x, other)  ·  ${name}(x, axis = n)`,
    documentation: `The ${name === 'max' ? 'larger' : 'smaller'} of two, elementwise; with one tensor, its ${name === 'max' ? 'largest' : 'smallest'} element, or that along one axis.`,
    parameters: parameters('x', 'other?', 'axis?'),
    apply: (call) => {
      const { frame, span } = call
      const { x, other } = call.arguments
      if (!other) return reduceAll(call, name === 'max' ? 'reduce_max' : 'reduce_min')
      const [a, b] = [x!.value, other.value]
      if (a.kind === 'number' && b.kind === 'number')
        return { kind: 'number', value: fold(a.value, b.value), integer: a.integer && b.integer }
      const dtype = commonDtype(frame, span, [x!, other], 'number')
      return dtype === undefined ? errorValue : apply(frame, span, op, [x!, other], dtype)
    },
  }
}

function conversion(name: 'float' | 'int', dtype: 'f32' | 'i32', documentation: string): Builtin {
  return { name, signature: `${name}(x)`, documentation, parameters: parameters('x'), apply: convert }

  function convert(call: BuiltinCall): Value {
    const { frame, span } = call
    const x = call.arguments.x!
    if (x.value.kind === 'number') return dtype === 'f32' ? float(x.value.value) : integer(Math.trunc(x.value.value))
    if (isElement(x.value)) {
      const own = dtypeOf(x.value) ?? 'i32'
      const element = toElement(frame, x, own)
      return element.kind === 'error' ? element : convertElement(element, dtype)
    }
    if (x.value.kind === 'dimension') return dtype === 'i32' ? x.value : toTensor(frame, x, 'f32')
    const tensor = tensorArgument(call, 'x')
    if (!tensor) return errorValue
    return cast(frame, span, tensor, dtype)
  }
}

/** d sum(y) / d x. */
export const gradientBuiltin: Builtin = {
  name: 'gradient',
  signature: 'gradient(y, x)',
  documentation: 'The derivative of the sum of y with respect to x, in the shape of x.',
  parameters: parameters('y', 'x'),
  apply: (call) => {
    const y = tensorArgument(call, 'y', 'f32')
    const x = tensorArgument(call, 'x')
    if (!y || !x) return errorValue
    if (x.type.dtype !== 'f32')
      return report(call.frame, 'NN0205', call.arguments.x!.span, 'only f32 tensors have a gradient')
    return emit(call.frame, call.span, x.type, { op: 'gradient', attributes: {} }, [y, x], x.origins)
  },
}
