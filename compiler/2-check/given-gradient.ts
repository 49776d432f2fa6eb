/** `fn … gradient (dy) { … }`: a result whose gradients the user gives. */
import type { CallableDeclaration, GivenGradient } from '../1-parse/ast.ts'
import { isElement, toTensor } from './arithmetic.ts'
import { differs, expandTo } from './broadcast.ts'
import { emit } from './entry.ts'
import { resolveName } from './names.ts'
import { bind, createScope } from './scope.ts'
import { type Frame, report } from './session.ts'
import { runBlock } from './statements.ts'
import { describe, displayType, errorValue, type TensorValue, type Value } from './values.ts'

/**
 * The result of a call with the given gradient: the formula is worked out once for each call, in terms of a name for the
 * cotangent that differentiation replaces. `frame` is that of the body, whose names the formula sees.
 */
export function attachGradient(
  frame: Frame,
  declaration: CallableDeclaration,
  gradient: GivenGradient,
  result: Value,
): Value {
  const name = declaration.name.text
  if (declaration.kind !== 'fn')
    return report(
      frame,
      'NN0255',
      gradient.span,
      `only a \`fn\` has a gradient of its own, not a ${declaration.kind}`,
      {
        hint: declaration.kind === 'layer' ? 'move the formula into a `fn` that the layer calls' : undefined,
      },
    )
  if (result.kind === 'error') return result
  if (isElement(result)) {
    const { caller } = frame
    return report(
      caller?.frame ?? frame,
      'NN0255',
      caller?.span ?? gradient.cotangent.span,
      `\`${name}\` has a gradient of its own and works on whole tensors, not on single elements`,
      {
        labels: [{ span: gradient.cotangent.span, message: 'its gradient' }],
        hint: 'call it on the whole tensor, in a `let` of its own',
      },
    )
  }
  const y = result.kind === 'tensor' ? result : undefined
  if (y?.type.dtype !== 'f32')
    return report(
      frame,
      'NN0255',
      gradient.cotangent.span,
      `only a function that returns one f32 tensor has a gradient, but \`${name}\` returns ${describe(result)}`,
    )
  const inputs = tensorInputs(frame, declaration)
  if (inputs.length === 0)
    return report(frame, 'NN0255', gradient.cotangent.span, `\`${name}\` has no f32 input to take a gradient for`)
  const { span } = gradient.cotangent
  const attributes = { site: frame.entry.values.length, type: y.type }
  const dy = emit(frame, span, y.type, { op: 'cotangent', attributes }, [], y.origins)
  const scope = createScope(frame.scope)
  bind(scope, gradient.cotangent.text, dy, span)
  const given = runBlock({ ...frame, scope, bodyScope: scope }, gradient.body, 'fn')
  if (!given) return report(frame, 'NN0216', span, `the gradient of \`${name}\` ends without \`return\``)
  if (given.kind === 'error') return given
  const gradients = matchGradients(frame, name, gradient, inputs, given)
  if (!gradients) return errorValue
  const operands = [y, dy, ...inputs.map(({ tensor }) => tensor), ...gradients]
  return emit(
    frame,
    declaration.name.span,
    y.type,
    { op: 'with_gradient', attributes: { count: inputs.length } },
    operands,
    y.origins,
  )
}

interface DifferentiableInput {
  readonly name: string
  readonly tensor: TensorValue
}

/** The f32 tensors among the inputs, in the order of the declaration. */
function tensorInputs(frame: Frame, declaration: CallableDeclaration): DifferentiableInput[] {
  const found: DifferentiableInput[] = []
  for (const { name, span } of [...declaration.config, ...declaration.inputs]) {
    const value = resolveName({ ...frame, scope: inputScope(frame) }, name.text, span)
    if (value.kind === 'tensor' && value.type.dtype === 'f32') found.push({ name: name.text, tensor: value })
  }
  return found
}

/** The names of the inputs, whatever the body has put in their place. */
function inputScope(frame: Frame): Frame['scope'] {
  return frame.inputScope ?? frame.scope
}

function matchGradients(
  frame: Frame,
  name: string,
  gradient: GivenGradient,
  inputs: readonly DifferentiableInput[],
  given: Value,
): TensorValue[] | undefined {
  const last = gradient.body.statements.at(-1)
  const span = last?.kind === 'return' ? last.value.span : gradient.cotangent.span
  const items = given.kind === 'tuple' ? given.items : [given]
  if (items.length !== inputs.length) {
    const names = inputs.map((input) => `\`${input.name}\``).join(', ')
    report(
      frame,
      'NN0255',
      span,
      `the gradient of \`${name}\` returns ${items.length} ${items.length === 1 ? 'value' : 'values'}, but there ${inputs.length === 1 ? 'is one f32 input' : `are ${inputs.length} f32 inputs`}: ${names}`,
    )
    return undefined
  }
  const gradients: TensorValue[] = []
  for (const [at, { name: input, tensor }] of inputs.entries()) {
    const value = toTensor(frame, { value: items[at]!, span }, items[at]!.kind === 'tensor' ? undefined : 'f32')
    if (value.kind === 'error') return undefined
    const { shape } = tensor.type
    const scalar = value.type.shape.length === 0
    const fits =
      value.type.dtype === 'f32' &&
      (scalar ||
        (value.type.shape.length === shape.length &&
          shape.every((dim, axis) => !differs(frame, dim, value.type.shape[axis]!))))
    if (!fits) {
      report(
        frame,
        'NN0255',
        span,
        `the gradient for \`${input}\` must be ${displayType(tensor.type)} as \`${input}\` is, but this is ${displayType(value.type)}`,
      )
      return undefined
    }
    gradients.push(scalar ? expandTo(frame, span, value, shape) : { ...value, type: tensor.type })
  }
  return gradients
}
