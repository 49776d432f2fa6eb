/** `penalty l2(1e-4) for "**.w"`: what is minimised besides the loss, a function of each parameter that matches. */

import { matchesPattern } from '../../runtime/pattern.ts'
import type { Expression, PenaltyStatement, PipelineExpression, TrainDeclaration } from '../1-parse/ast.ts'
import { apply, toTensor } from './arithmetic.ts'
import { evaluate } from './expressions.ts'
import { requireMatch } from './require-match.ts'
import { bind, createScope } from './scope.ts'
import { type Frame, report, type VariableRecord } from './session.ts'
import { describe, displayType, type TensorValue } from './values.ts'

/** No name a file can declare. */
const PARAMETER = 'penalised parameter'

/** The loss and all penalties of the trained parameters. */
export function penalised(
  frame: Frame,
  train: TrainDeclaration,
  loss: TensorValue,
  trained: readonly VariableRecord[],
): TensorValue {
  let total = loss
  for (const statement of train.body.statements) {
    if (statement.kind !== 'penalty') continue
    const { pattern, span } = statement
    if (pattern)
      requireMatch(
        frame.session,
        pattern,
        trained.map(({ name }) => name),
        'no parameter this train block trains',
      )
    if (!namesFunction(statement.call)) {
      report(frame, 'NN0249', statement.call.span, 'a penalty is a function of a parameter: `penalty l2(1e-4)`')
      continue
    }
    for (const parameter of trained) {
      if (pattern && !matchesPattern(pattern.value, parameter.name)) continue
      const value = penaltyOf(frame, statement, parameter)
      if (!value) break
      total = apply(frame, span, 'add', [total, value].map(located), 'f32') as TensorValue
    }
  }
  return total

  function located(value: TensorValue) {
    return { value, span: train.span }
  }
}

function namesFunction(call: Expression): boolean {
  return call.kind === 'name' || (call.kind === 'call' && call.callee.kind === 'name')
}

/** The parameter flows into the function as it does in a pipeline: `w |> l2(1e-4)`. */
function penaltyOf(frame: Frame, { call }: PenaltyStatement, parameter: VariableRecord): TensorValue | undefined {
  const { name, type, origins } = parameter
  const { span } = call
  const scope = createScope(frame.scope)
  bind(scope, PARAMETER, { kind: 'variable', name, type, updatable: false, origins }, span)
  const expression: PipelineExpression = {
    kind: 'pipeline',
    input: { kind: 'name', name: PARAMETER, span },
    stages: [{ target: call, span }],
    span,
  }
  const value = evaluate({ ...frame, scope }, expression)
  if (value.kind === 'error') return undefined
  const number = value.kind === 'number' || value.kind === 'tensor'
  const tensor = number ? toTensor(frame, { value, span }, value.kind === 'number' ? 'f32' : undefined) : undefined
  if (tensor?.kind === 'tensor' && tensor.type.dtype === 'f32' && tensor.type.shape.length === 0) return tensor
  const shown = tensor?.kind === 'tensor' ? displayType(tensor.type) : describe(value)
  report(frame, 'NN0249', span, `a penalty is one f32 number for each parameter, but this is ${shown}`, {
    hint: 'write `sum(…)`, as in `fn l2(p: f32[...], rate) -> f32 { return rate * sum(p * p) }`',
  })
  return undefined
}
