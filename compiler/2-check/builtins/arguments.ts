/** Reading a builtin's arguments; what does not fit is reported and gives `undefined`. */
import { type Dim, isConstant } from '../../dimensions/dimension.ts'
import type { DType, TensorType } from '../../types.ts'
import { isElement, type Located, toTensor } from '../arithmetic.ts'
import type { BuiltinCall } from '../builtin.ts'
import { report } from '../session.ts'
import { describe, dimOf, type TensorValue } from '../values.ts'

export function tensorArgument(call: BuiltinCall, name: string, dtype?: DType): TensorValue | undefined {
  const argument = call.arguments[name]!
  if (isElement(argument.value)) {
    report(call.frame, 'NN0223', argument.span, `\`${call.name}\` works on whole tensors, not on single elements`, {
      hint: ['sum', 'mean', 'max', 'min', 'prod'].includes(call.name)
        ? `say which indices to reduce over: \`${call.name}[i](…)\``
        : 'give the tensor its own `let` first',
    })
    return undefined
  }
  const tensor = toTensor(call.frame, argument, dtype)
  return tensor.kind === 'error' ? undefined : tensor
}

/** Shape and dtype of a tensor of which the values do not matter. */
export function typeArgument(call: BuiltinCall, name: string): TensorType | undefined {
  const argument = call.arguments[name]!
  if (argument.value.kind === 'prototype') return argument.value.type
  return tensorArgument(call, name)?.type
}

export function dimArgument(call: BuiltinCall, name: string): Dim | undefined {
  return dimFrom(call, call.arguments[name]!)
}

export function dimFrom(call: BuiltinCall, argument: Located): Dim | undefined {
  const dim = dimOf(argument.value)
  if (dim === undefined)
    report(
      call.frame,
      'NN0215',
      argument.span,
      `\`${call.name}\` needs a size known when compiled here, but this is ${describe(argument.value)}`,
    )
  return dim
}

export function integerArgument(call: BuiltinCall, name: string): number | undefined {
  const argument = call.arguments[name]!
  const dim = dimOf(argument.value)
  if (dim !== undefined && isConstant(dim)) return dim
  report(
    call.frame,
    'NN0215',
    argument.span,
    `\`${name}\` must be a whole number known when compiled, but this is ${describe(argument.value)}`,
  )
  return undefined
}

/** An axis counted from the front, or from the back when negative. */
export function axisArgument(call: BuiltinCall, name: string, rank: number): number | undefined {
  const axis = integerArgument(call, name)
  if (axis === undefined) return undefined
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis
  report(
    call.frame,
    'NN0204',
    call.arguments[name]!.span,
    `axis ${axis} does not exist: the tensor has ${rank} ${rank === 1 ? 'axis' : 'axes'}`,
  )
  return undefined
}

export function listArgument(call: BuiltinCall, name: string): Located[] | undefined {
  const argument = call.arguments[name]!
  if (argument.value.kind === 'list' || argument.value.kind === 'tuple')
    return argument.value.items.map((value) => ({ value, span: argument.span }))
  report(
    call.frame,
    'NN0209',
    argument.span,
    `\`${call.name}\` needs a list in brackets here, but this is ${describe(argument.value)}`,
  )
  return undefined
}
