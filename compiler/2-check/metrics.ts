/**
 * Metrics: what a train block measures over an epoch. A metric keeps totals in variables of the module, so that what an
 * entry point puts out after a batch is the value for the epoch so far.
 */
import type {
  CallableDeclaration,
  CallExpression,
  CollectStatement,
  Expression,
  TotalStatement,
  TraitStatement,
} from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { isConstant, shapeEqual, symbolsOf } from '../dimensions/dimension.ts'
import { type EpochStatistic, epochStatistics, type MetricTraits } from '../types.ts'
import { bindArguments, type CallArgument } from './arguments.ts'
import { apply, toTensor } from './arithmetic.ts'
import { expandTo } from './broadcast.ts'
import type { CheckedValue } from './checked.ts'
import { operandsOf } from './dependencies.ts'
import { cast, constant, readVariable, updateVariable } from './entry.ts'
import { evaluate, locate } from './expressions.ts'
import { findGlobal, type Globals } from './globals.ts'
import { invoke } from './invoke.ts'
import { bind } from './scope.ts'
import { type Frame, originLabel, report } from './session.ts'
import { displayDim, displayType, errorValue, type TensorValue, type Value } from './values.ts'
import { declareInternal, initFrame } from './variables.ts'

/** One `metric name = …` of a train block while its value is elaborated. */
export interface MetricContext {
  /** What the names of its variables begin with. */
  readonly prefix: string
  /** How many metrics its value has called. */
  calls: number
  /** Values that are sums over the epoch so far. */
  readonly totals: Set<number>
}

/** `metric f1 = …` of the train block `train`. */
export function metricContext(train: string, name: string): MetricContext {
  return { prefix: `${train}/metric ${name}/`, calls: 0, totals: new Set() }
}

/** Expands a metric where `metric name = …` calls it. */
export function applyMetric(
  frame: Frame,
  declaration: CallableDeclaration,
  globals: Globals,
  given: readonly CallArgument[],
  span: Span,
): Value {
  const { metric } = frame
  const name = declaration.name.text
  if (!metric || frame.indexed || frame.entry.loop)
    return report(frame, 'NN0254', span, `\`${name}\` is measured over an epoch and has no value here`, {
      hint: `call it in a train block, after \`metric ${name} =\``,
    })
  const number = metric.calls++
  const what = `\`${name}\``
  const inputs = bindArguments(frame, [...declaration.config, ...declaration.inputs], given, what, span, declaration)
  if (!inputs) return errorValue
  const prefix = number === 0 ? metric.prefix : `${metric.prefix}${number + 1}/`
  return invoke(frame, {
    declaration,
    globals,
    config: new Map(),
    inputs: inputs.parameters,
    span,
    what,
    overrides: { statePrefix: { prefix, kind: 'total' } },
  })
}

/** `total hits = sum(right)`: the name stands for the sum over the batches of the epoch up to this one. */
export function declareTotal(frame: Frame, statement: TotalStatement): void {
  const { name } = statement
  const { statePrefix, metric } = frame
  if (!statePrefix || !metric) throw new Error('internal: check: a total outside a metric')
  const earlier = frame.bodyScope.bindings.get(name.text)
  const { value } = locate(frame, statement.value)
  const given = toTensor(frame, { value, span: statement.value.span }, value.kind === 'tensor' ? undefined : 'f32')
  if (given.kind === 'error') return
  if (earlier?.value.kind === 'tensor' && metric.totals.has(earlier.value.id)) {
    report(frame, 'NN0202', name.span, `the total \`${name.text}\` is already there`)
    return
  }
  const { dtype, shape } = given.type
  const open = frame.session.rigid ? undefined : shape.find((dim) => !isConstant(dim))
  if (dtype === 'bool' || open !== undefined) {
    report(
      frame,
      'NN0259',
      statement.value.span,
      open === undefined
        ? `a total is a sum of numbers, but this is ${displayType(given.type)}`
        : `the size ${displayDim(open)} of this total is only known at run time`,
      {
        labels: [
          originLabel(given.origins[shape.indexOf(open ?? 0)], () => `${displayDim(open ?? 0)} comes from here`),
        ],
        hint:
          open === undefined
            ? 'convert it with `float(…)` and take the `sum`'
            : `sum over ${isConstant(open) ? 'it' : `\`${symbolsOf(open)[0]}\``}: what is added up has the same shape in every batch`,
      },
    )
    return
  }
  const sum = dtype === 'i32' ? plainSum(frame, statement, given) : compensatedSum(frame, statement, given)
  metric.totals.add(sum.id)
  bind(frame.bodyScope, name.text, sum, name.span)
}

function plainSum(frame: Frame, { name, span }: TotalStatement, given: TensorValue): TensorValue {
  const variable = slot(frame, name.text, given, span)
  const before = readVariable(frame, span, variable)
  const sum = arithmetic(frame, span, 'add', before, given)
  updateVariable(frame, span, variable, sum)
  return sum
}

/**
 * The sum and, beside it, what rounding has taken from it: s = a + b exactly, with the error of the addition in `rest`
 * (Knuth's TwoSum). Counts stay exact far beyond 2²⁴.
 */
function compensatedSum(frame: Frame, { name, span }: TotalStatement, given: TensorValue): TensorValue {
  const [variable, rest] = [slot(frame, name.text, given, span), slot(frame, `${name.text}.rest`, given, span)]
  const a = readVariable(frame, span, variable)
  const add = (x: TensorValue, y: TensorValue): TensorValue => arithmetic(frame, span, 'add', x, y)
  const subtract = (x: TensorValue, y: TensorValue): TensorValue => arithmetic(frame, span, 'sub', x, y)
  const s = add(a, given)
  const share = subtract(s, a)
  const lost = add(subtract(a, subtract(s, share)), subtract(given, share))
  const restSum = add(readVariable(frame, span, rest), lost)
  updateVariable(frame, span, variable, s)
  updateVariable(frame, span, rest, restSum)
  return add(s, restSum)
}

function arithmetic(frame: Frame, span: Span, op: 'add' | 'sub', x: TensorValue, y: TensorValue): TensorValue {
  return apply(
    frame,
    span,
    op,
    [
      { value: x, span },
      { value: y, span },
    ],
    x.type.dtype,
  ) as TensorValue
}

function slot(frame: Frame, name: string, { type, origins }: TensorValue, span: Span) {
  const full = `${frame.statePrefix!.prefix}${name}`
  const initial = initFrame(frame, full)
  const zero = expandTo(initial, span, constant(initial, span, 0, type.dtype), type.shape)
  declareInternal(frame, { name: full, kind: 'total', type }, span, zero)
  return { kind: 'variable', name: full, type, updatable: true, origins } as const
}

/** `collect area_under_roc(score, target)`: the value of a metric that needs all values of the epoch. */
export function runCollect(frame: Frame, statement: CollectStatement): Value {
  const { call } = statement
  const name = call.kind === 'call' && call.callee.kind === 'name' ? call.callee.name : ''
  const names = Object.keys(epochStatistics)
  const parameters = Object.hasOwn(epochStatistics, name) ? epochStatistics[name as EpochStatistic] : undefined
  if (call.kind !== 'call' || !parameters) {
    const similar = suggest(name, names)
    return report(frame, 'NN0252', call.span, 'this is no statistic of an epoch', {
      hint: similar ? `did you mean \`${similar}\`?` : `there are ${names.map((own) => `\`${own}\``).join(', ')}`,
    })
  }
  const columns: TensorValue[] = []
  for (const argument of call.arguments) {
    const value = argument.name ? errorValue : evaluate(frame, argument.value)
    if (argument.name) report(frame, 'NN0252', argument.span, `\`${name}\` takes its arguments by position`)
    const column = toTensor(frame, { value, span: argument.span }, value.kind === 'tensor' ? undefined : 'f32')
    if (column.kind === 'error') return errorValue
    const first = columns[0]
    if (first && !shapeEqual(first.type.shape, column.type.shape))
      return report(
        frame,
        'NN0252',
        argument.span,
        `\`${name}\` compares values one by one, but these are ${displayType(first.type)} and ${displayType(column.type)}`,
      )
    columns.push(cast(frame, argument.span, column, 'f32'))
  }
  const needed = parameters.filter((parameter) => !parameter.endsWith('?')).length
  if (columns.length < needed || columns.length > parameters.length)
    return report(frame, 'NN0252', call.span, `\`${name}\` takes ${signatureOf(parameters)}`)
  return { kind: 'statistic', statistic: name as EpochStatistic, columns }
}

function signatureOf(parameters: readonly string[]): string {
  return parameters
    .map((name) => (name.endsWith('?') ? `and perhaps \`${name.slice(0, -1)}\`` : `\`${name}\``))
    .join(', ')
}

const traits = { better: ['higher', 'lower'], unit: ['percent'] } as const

/** `better higher`, `unit percent`: checked here, read by {@link traitsOf}. */
export function checkTrait(frame: Frame, { trait, value, span }: TraitStatement): void {
  const known: readonly string[] = traits[trait]
  if (known.includes(value.text)) return
  report(frame, 'NN0252', span, `\`${trait}\` is ${known.map((word) => `\`${word}\``).join(' or ')}`)
}

/** What the definition says of a metric's value, where a train block calls it without any arithmetic around it. */
export function traitsOf(frame: Frame, expression: Expression): MetricTraits {
  const callee = (expression as Partial<CallExpression>).callee
  const found = callee?.kind === 'name' ? findGlobal(frame.globals, callee.name)?.declaration : undefined
  if (found?.kind !== 'metric') return {}
  const word = (trait: TraitStatement['trait']): string | undefined =>
    found.body.statements.find(
      (statement): statement is TraitStatement => statement.kind === 'trait' && statement.trait === trait,
    )?.value.text
  const [better, unit] = [word('better'), word('unit')]
  return {
    ...((better === 'higher' || better === 'lower') && { better }),
    ...(unit === 'percent' && { unit }),
  }
}

/** Reports a value of an epoch that also depends on the last batch alone. */
export function requireEpochValue(frame: Frame, metric: MetricContext, value: TensorValue, span: Span): boolean {
  const { entry } = frame
  const known = new Set(metric.totals)
  for (const [name, { value: latest, leaf }] of entry.variables)
    if (name.startsWith(metric.prefix)) known.add(latest.id).add(leaf.id)
  const pending = [value.id]
  const seen = new Set<number>()
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (known.has(id) || seen.has(id)) continue
    seen.add(id)
    const own = entry.values[id]!
    if (!isOfOneBatch(own)) {
      pending.push(...operandsOf(own.form))
      continue
    }
    report(frame, 'NN0253', span, 'this depends on the last batch alone, not on the whole epoch', {
      labels: [{ span: own.span, message: 'changes from batch to batch' }],
      hint: 'add it up first: `total name = sum(…)`, then use the total',
    })
    return false
  }
  return true
}

function isOfOneBatch({ form }: CheckedValue): boolean {
  if (form.kind !== 'operation') return false
  const { op } = form
  return op === 'input' || op === 'variable' || op === 'uniform' || op === 'normal' || op === 'dimension'
}
