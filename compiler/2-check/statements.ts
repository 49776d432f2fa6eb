/** Bodies: their statements in order, and the value they return. */
import type {
  Block,
  CallableDeclaration,
  Expression,
  LetStatement,
  Statement,
  UpdateStatement,
  WhenStatement,
} from '../1-parse/ast.ts'
import type { DiagnosticCode, Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { isConstant, shapeEqual } from '../dimensions/dimension.ts'
import { toTensor } from './arithmetic.ts'
import { differs, expandTo } from './broadcast.ts'
import { evaluateUse } from './calls.ts'
import { cast, updateVariable } from './entry.ts'
import { evaluate, locate } from './expressions.ts'
import { evaluateIndexed } from './indexed.ts'
import { checkType, headOf } from './invoke.ts'
import { runYield } from './loop-body.ts'
import {
  checkTrait,
  declareTotal,
  type MetricContext,
  metricContext,
  requireEpochValue,
  runCollect,
  traitsOf,
} from './metrics.ts'
import { bind, createScope, lookUp, namesIn } from './scope.ts'
import { type Frame, report, type TrainContext } from './session.ts'
import { evaluateType } from './signature.ts'
import { describe, displayType, errorValue, type Value } from './values.ts'
import { declareParam, declareState, initialized } from './variables.ts'

/** The statements each kind of body may have. */
const allowed = {
  fn: ['let', 'return', 'when'],
  initializer: ['let', 'return', 'when'],
  layer: ['let', 'param', 'state', 'use', 'update', 'return', 'when'],
  model: ['let', 'param', 'state', 'use', 'update', 'return', 'when'],
  optimizer: ['let', 'state', 'update', 'when'],
  metric: ['let', 'total', 'state', 'update', 'collect', 'trait', 'return', 'when'],
  infer: ['let', 'use', 'return', 'when'],
  train: ['let', 'use', 'state', 'update', 'when', 'loss', 'metric'],
  loop: ['let', 'use', 'when', 'yield'],
} as const satisfies Record<string, readonly Statement['kind'][]>

export type BodyKind = keyof typeof allowed

/** The value a body returns; an optimizer's returns nothing. */
export function runBody(frame: Frame, block: Block, declaration: CallableDeclaration): Value {
  const value = runBlock(frame, block, declaration.kind)
  if (value || declaration.kind === 'optimizer') return value ?? errorValue
  return missingReturn(frame, declaration)
}

function missingReturn(frame: Frame, declaration: CallableDeclaration): Value {
  const { name, body } = declaration
  return report(frame, 'NN0216', name.span, `\`${name.text}\` ends without \`return\``, { hint: returnHint(body) })
}

/** What a body that ends with a `let` most likely lacks. */
export function returnHint({ statements }: Block): string | undefined {
  const last = statements.at(-1)
  const name = last?.kind === 'let' && last.pattern.kind !== 'tuple' ? last.pattern.name.text : '_'
  return name.startsWith('_') ? undefined : `add \`return ${name}\``
}

/** Runs statements until one returns; the returned value, or undefined if none did. */
export function runBlock(frame: Frame, block: Block, kind: BodyKind): Value | undefined {
  for (const statement of block.statements) {
    const value = runStatement(frame, statement, kind)
    if (value) return value
  }
  return undefined
}

export function runStatement(frame: Frame, statement: Statement, kind: BodyKind): Value | undefined {
  if (!(allowed[kind] as readonly string[]).includes(statement.kind)) {
    misplaced(frame, statement, kind)
    if (
      statement.kind === 'param' ||
      statement.kind === 'state' ||
      statement.kind === 'use' ||
      statement.kind === 'total'
    )
      poison(frame, statement.name.text)
    if (!frame.loop || kind !== 'loop' || statement.kind !== 'return') return undefined
    frame.loop.result = errorValue
    return errorValue
  }
  switch (statement.kind) {
    case 'let':
      runLet(frame, statement)
      return undefined
    case 'param':
      declareParam(frame, statement)
      poison(frame, statement.name.text)
      return undefined
    case 'state':
      declareState(frame, statement)
      poison(frame, statement.name.text)
      return undefined
    case 'use': {
      const { name } = statement
      bind(frame.scope, name.text, evaluateUse(frame, statement.value, statement, name), name.span)
      return undefined
    }
    case 'update':
      runUpdate(frame, statement)
      return undefined
    case 'when':
      return runWhen(frame, statement, kind)
    case 'return':
      return evaluate(frame, statement.value)
    case 'yield':
      return runYield(frame, statement)
    case 'loss':
    case 'metric':
      runMeasure(frame, statement)
      return undefined
    case 'total':
      declareTotal(frame, statement)
      poison(frame, statement.name.text)
      return undefined
    case 'collect':
      return runCollect(frame, statement)
    case 'trait':
      checkTrait(frame, statement)
      return undefined
    default:
      throw new Error(`internal: check: statement ${statement.kind}`)
  }
}

/** A declaration that failed leaves its name behind, so that uses of it stay silent. */
function poison(frame: Frame, name: string): void {
  if (!lookUp(frame.scope, name)) bind(frame.bodyScope, name, errorValue)
}

function runLet(frame: Frame, statement: LetStatement): void {
  const { pattern, type, value: expression } = statement
  if (pattern.kind === 'indexed') {
    const { name } = pattern
    // The annotation may be all that says how far an index runs.
    const typed = type?.kind === 'tensor' ? evaluateType(frame, type) : undefined
    if (type?.kind === 'tensor' && !typed) {
      bind(frame.scope, name.text, errorValue, name.span)
      return
    }
    const inner: Frame = typed ? { ...frame, expected: { name: name.text, shape: typed.type.shape } } : frame
    const value = evaluateIndexed(inner, statement.span, name.text, pattern.indices, expression)
    bind(frame.scope, name.text, type ? checkType(frame, type, value, statement.span) : value, name.span)
    return
  }
  const evaluated = initialized(frame, type, evaluate(frame, expression), expression.span)
  const value = type ? checkType(frame, type, evaluated, statement.span, headOf(expression)) : evaluated
  if (pattern.kind === 'name') {
    bind(frame.scope, pattern.name.text, value, pattern.name.span)
    return
  }
  const items = value.kind === 'tuple' && value.items.length === pattern.names.length ? value.items : undefined
  if (!items && value.kind !== 'error')
    report(frame, 'NN0209', pattern.span, `${pattern.names.length} names cannot be given to ${describe(value)}`, {
      hint:
        value.kind === 'tuple'
          ? 'each value gets a name; what is not needed is called `_name`. A loop gives its yields, then its carries'
          : undefined,
    })
  for (const [at, name] of pattern.names.entries()) bind(frame.scope, name.text, items?.[at] ?? errorValue, name.span)
}

function runUpdate(frame: Frame, statement: UpdateStatement): void {
  const { name } = statement
  const value = locate(frame, statement.value)
  if (frame.entry.loop) {
    report(frame, 'NN0284', name.span, `\`${name.text}\` is updated inside a loop`, {
      hint: 'carry it from step to step (`carry …`) and update it once, after the loop',
    })
    return
  }
  const reference = lookUp(frame.scope, name.text)?.value
  if (reference?.kind !== 'variable' || !reference.updatable) {
    if (reference?.kind === 'error') return
    const states = namesIn(frame.scope).filter((own) => lookUp(frame.scope, own)?.value.kind === 'variable')
    const similar = suggest(name.text, states)
    report(
      frame,
      'NN0234',
      name.span,
      reference
        ? `\`${name.text}\` is not a state and cannot be updated`
        : `there is no state called \`${name.text}\` here`,
      {
        hint:
          similar && similar !== name.text
            ? `did you mean \`${similar}\`?`
            : frame.declaration?.kind === 'optimizer'
              ? `declare it: \`state ${name.text} = zeros_like(p)\``
              : 'declare it: `state name: f32[…] = zeros`',
      },
    )
    return
  }
  const tensor = toTensor(frame, value, value.value.kind === 'tensor' ? undefined : reference.type.dtype)
  if (tensor.kind === 'error') return
  const { shape } = reference.type
  const scalar = tensor.type.shape.length === 0
  const fits =
    tensor.type.dtype === reference.type.dtype &&
    (scalar ||
      (tensor.type.shape.length === shape.length &&
        shape.every((dim, axis) => !differs(frame, dim, tensor.type.shape[axis]!))))
  if (!fits) {
    report(
      frame,
      'NN0203',
      statement.value.span,
      `\`${name.text}\` is ${displayType(reference.type)}, but its new value is ${displayType(tensor.type)}`,
    )
    return
  }
  const whole =
    shapeEqual(tensor.type.shape, shape) || !scalar ? tensor : expandTo(frame, statement.span, tensor, shape)
  updateVariable(frame, statement.span, reference, whole)
}

/** The condition is known when compiled; `let` names inside stay inside. */
function runWhen(frame: Frame, statement: WhenStatement, kind: BodyKind): Value | undefined {
  const condition = evaluate(frame, statement.condition)
  if (condition.kind === 'error') return kind === 'optimizer' || kind === 'train' ? undefined : errorValue
  if (condition.kind !== 'boolean')
    return report(
      frame,
      'NN0214',
      statement.condition.span,
      `\`when\` needs a condition known when compiled, but this is ${describe(condition)}`,
      {
        hint: 'for values at run time use `if … then … else …`',
      },
    )
  const block = condition.value ? statement.body : statement.otherwise
  return block && runBlock({ ...frame, scope: createScope(frame.scope) }, block, kind)
}

function runMeasure(frame: Frame, statement: Extract<Statement, { kind: 'loss' | 'metric' }>): void {
  const { train } = frame
  if (!train) throw new Error('internal: check: a loss outside a train block')
  const isLoss = statement.kind === 'loss'
  const code: DiagnosticCode = isLoss ? 'NN0241' : 'NN0243'
  const name = isLoss ? 'loss' : statement.name.text
  const span = isLoss ? statement.span : statement.name.span
  const earlier = isLoss ? train.loss?.span : train.metrics.find((metric) => metric.name === name)?.span
  const metric = metricContext(train.name, name)
  const { value } = locate(isLoss ? frame : { ...frame, metric }, statement.value)
  if (earlier || (!isLoss && name === 'loss')) {
    report(frame, 'NN0202', span, isLoss ? 'a train block has one `loss`' : `the metric \`${name}\` is already there`, {
      labels: [earlier && { span: earlier, message: 'first here' }],
      hint: isLoss ? 'add the parts into one expression' : undefined,
    })
    return
  }
  if (metric.calls > 0) {
    runEpochMetric(frame, train, metric, { name, value, span, valueSpan: statement.value.span }, statement.value)
    return
  }
  const tensor = toTensor(frame, { value, span: statement.value.span }, value.kind === 'tensor' ? undefined : 'f32')
  let checked = tensor
  if (tensor.kind !== 'error' && (tensor.type.dtype !== 'f32' || tensor.type.shape.length > 0))
    checked = report(
      frame,
      code,
      statement.value.span,
      `${isLoss ? 'the loss' : `the metric \`${name}\``} must be one f32 number, but this is ${displayType(tensor.type)}`,
      {
        hint: tensor.type.shape.length > 0 ? 'write `mean(…)`' : 'convert it with `float(…)`',
      },
    )
  if (isLoss) {
    train.loss = { value: checked, span: statement.span }
    bind(frame.scope, 'loss', checked, statement.span)
  } else train.metrics.push({ name, value: checked, span, ofEpoch: false, traits: {} })
}

/** A metric made of totals may have any fixed shape; its value after the last batch is the epoch's. */
function runEpochMetric(
  frame: Frame,
  train: TrainContext,
  metric: MetricContext,
  { name, value, span, valueSpan }: { name: string; value: Value; span: Span; valueSpan: Span },
  expression: Expression,
): void {
  const traits = traitsOf(frame, expression)
  if (value.kind === 'statistic') {
    train.metrics.push({ name, value, span, ofEpoch: true, traits })
    return
  }
  const tensor = toTensor(frame, { value, span: valueSpan }, value.kind === 'tensor' ? undefined : 'f32')
  if (tensor.kind === 'error') return
  const { dtype, shape } = tensor.type
  const open = shape.find((dim) => !isConstant(dim))
  if (dtype === 'bool' || open !== undefined) {
    report(
      frame,
      'NN0243',
      valueSpan,
      `the metric \`${name}\` must be numbers in a shape known when compiled, but this is ${displayType(tensor.type)}`,
      { hint: open === undefined ? 'convert it with `float(…)`' : 'sum over the examples' },
    )
    return
  }
  if (!requireEpochValue(frame, metric, tensor, valueSpan)) return
  train.metrics.push({ name, value: cast(frame, valueSpan, tensor, 'f32'), span, ofEpoch: true, traits })
}

function misplaced(frame: Frame, statement: Statement, kind: BodyKind): void {
  const what =
    statement.kind === 'setting' ? statement.setting : statement.kind === 'trait' ? statement.trait : statement.kind
  const article =
    kind === 'loop'
      ? 'the body of a loop'
      : kind === 'infer' || kind === 'train'
        ? `a ${kind} block`
        : `${/^[aeio]/.test(kind) ? 'an' : 'a'} ${kind}`
  report(frame, 'NN0217', statement.span, `\`${what}\` does not belong in ${article}`, {
    hint:
      kind === 'loop'
        ? loopHint(statement.kind)
        : statement.kind === 'return' && kind === 'optimizer'
          ? 'an optimizer changes its parameter: `update p = …`'
          : statement.kind === 'yield'
            ? 'it ends the body of `scan` or `iterate`'
            : statement.kind === 'param' || (statement.kind === 'state' && kind === 'fn')
              ? 'parameters and states belong in a `layer` or `model`'
              : ['loss', 'metric', 'optimizer', 'setting', 'stop', 'freeze', 'clip', 'penalty', 'average'].includes(
                    statement.kind,
                  )
                ? 'it belongs at the top level of a `train` block'
                : ['total', 'collect', 'trait'].includes(statement.kind)
                  ? 'it belongs in a `metric` definition'
                  : undefined,
  })
}

function loopHint(kind: Statement['kind']): string | undefined {
  switch (kind) {
    case 'return':
      return 'a body ends with `yield value carry next`; `return` follows the loop'
    case 'param':
      return 'declare it before the loop: all steps share it'
    case 'state':
    case 'update':
      return 'carry values from step to step (`carry …`); a state is declared and updated outside the loop'
    default:
      return undefined
  }
}
