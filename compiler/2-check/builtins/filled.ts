/** Tensors in the shape of another, random ones among them. */
import { divideExactly, isConstant, product } from '../../dimensions/dimension.ts'
import type { DType, TensorType } from '../../types.ts'
import { toTensor } from '../arithmetic.ts'
import { expandTo } from '../broadcast.ts'
import { type Builtin, type BuiltinCall, parameters } from '../builtin.ts'
import { draw } from '../draw.ts'
import { constant, emit } from '../entry.ts'
import { report } from '../session.ts'
import { dimension, errorValue, integer, type Value } from '../values.ts'
import { dimArgument, typeArgument } from './arguments.ts'

export const filledBuiltins: readonly Builtin[] = [
  like('zeros_like', 'Zeros in the shape and dtype of x.', 0),
  like('ones_like', 'Ones in the shape and dtype of x.', 1),
  {
    name: 'full_like',
    signature: 'full_like(x, value)',
    documentation: 'The scalar `value` repeated in the shape of x.',
    parameters: parameters('x', 'value'),
    apply: (call) => {
      const type = typeArgument(call, 'x')
      if (!type) return errorValue
      const value = toTensor(call.frame, call.arguments.value!, type.dtype)
      if (value.kind === 'error') return value
      if (value.type.shape.length > 0)
        return report(call.frame, 'NN0204', call.arguments.value!.span, '`full_like` repeats a scalar')
      return expandTo(call.frame, call.span, value, type.shape)
    },
  },
  random('uniform_like', 'uniform', 'Random numbers, uniform in [0, 1), in the shape of x; new ones every step.'),
  random('normal_like', 'normal', 'Random numbers, standard normal, in the shape of x; new ones every step.'),
  fan('fan_in', 'Inputs of each output of a weight: the product of all axes but the first.'),
  fan('fan_out', 'Outputs each input of a weight reaches: the product of all axes but the second.'),
  {
    name: 'rank',
    signature: 'rank(x)',
    documentation: 'How many axes x has, known when compiled.',
    parameters: parameters('x'),
    apply: (call) => {
      const type = typeArgument(call, 'x')
      return type ? integer(type.shape.length) : errorValue
    },
  },
  {
    name: 'arange',
    signature: 'arange(n)',
    documentation: 'The i32 numbers 0, 1, … n − 1.',
    parameters: parameters('n'),
    apply: (call) => {
      const size = dimArgument(call, 'n')
      if (size === undefined) return errorValue
      const shape = [size]
      return emit(call.frame, call.span, { dtype: 'i32', shape }, { op: 'iota', attributes: { shape, axis: 0 } }, [])
    },
  },
]

function like(name: string, documentation: string, value: number): Builtin {
  return {
    name,
    signature: `${name}(x)`,
    documentation,
    parameters: parameters('x'),
    apply: (call) => {
      const type = typeArgument(call, 'x')
      return type ? filled(call, type, value) : errorValue
    },
  }
}

function filled(call: BuiltinCall, type: TensorType, value: number): Value {
  const dtype: DType = type.dtype
  return expandTo(call.frame, call.span, constant(call.frame, call.span, value, dtype), type.shape)
}

function random(name: string, op: 'uniform' | 'normal', documentation: string): Builtin {
  return {
    name,
    signature: `${name}(x)`,
    documentation,
    parameters: parameters('x'),
    apply: (call) => {
      const type = typeArgument(call, 'x')
      if (!type) return errorValue
      return draw(call.frame, call.span, op, type.shape)
    },
  }
}

/** PyTorch's convention: weights are [out, in, …]; a vector counts as both. */
function fan(name: 'fan_in' | 'fan_out', documentation: string): Builtin {
  return {
    name,
    signature: `${name}(p)`,
    documentation,
    parameters: parameters('p'),
    apply: (call) => {
      const type = typeArgument(call, 'p')
      if (!type) return errorValue
      const total = product(type.shape)
      const left = type.shape.length < 2 ? 1 : type.shape[name === 'fan_in' ? 0 : 1]!
      const rest = isConstant(left) && left === 0 ? 0 : divideExactly(total, left)
      return dimension(rest ?? total)
    },
  }
}
