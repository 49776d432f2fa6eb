/** Operators and elementwise functions on every kind of value: folded where known, emitted where not. */
import type { BinaryOperator } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Operation } from '../ops/op.ts'
import type { DType } from '../types.ts'
import { affineOf, combineAffine } from './affine.ts'
import { broadcast, expandTo } from './broadcast.ts'
import type { ElementwiseOp } from './checked.ts'
import { cast, constant, dimensionScalar, emit } from './entry.ts'
import { foldBinary } from './fold.ts'
import { type Frame, report } from './session.ts'
import {
  describe,
  displayType,
  type ElementValue,
  type ErrorValue,
  errorValue,
  float,
  isStatic,
  type TensorValue,
  type Value,
} from './values.ts'

/** Operations in one element of index notation. */
const MAXIMUM_ELEMENT_SIZE = 10_000

export interface Located {
  readonly value: Value
  readonly span: Span
}

const arithmeticOps: Partial<Record<BinaryOperator, ElementwiseOp>> = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div' }

/** Comparisons as an op, with operands exchanged where `>` is meant. */
const comparisonOps: Partial<Record<BinaryOperator, { op: ElementwiseOp; exchange: boolean }>> = {
  '==': { op: 'equal', exchange: false },
  '!=': { op: 'not_equal', exchange: false },
  '<': { op: 'less', exchange: false },
  '<=': { op: 'less_equal', exchange: false },
  '>': { op: 'less', exchange: true },
  '>=': { op: 'less_equal', exchange: true },
}

/** `left operator right`, everything but `@`, `??` and short-circuit evaluation. */
export function binary(frame: Frame, span: Span, operator: BinaryOperator, left: Located, right: Located): Value {
  if (left.value.kind === 'error' || right.value.kind === 'error') return errorValue
  if (isStatic(left.value) && isStatic(right.value)) {
    const folded = foldBinary(frame, span, operator, left.value, right.value)
    if (folded) return folded
  }
  const affine = affineArithmetic(operator, left.value, right.value)
  if (affine) return affine
  if (operator === '^') return power(frame, span, left, right)
  if (operator === 'and' || operator === 'or') return logical(frame, span, operator, [left, right])
  const comparison = comparisonOps[operator]
  if (comparison) {
    const equality = operator === '==' || operator === '!='
    const dtype = commonDtype(frame, span, [left, right], equality ? 'any' : 'number')
    if (dtype === undefined) return errorValue
    return apply(frame, span, comparison.op, comparison.exchange ? [right, left] : [left, right], dtype, 'bool')
  }
  const dtype = commonDtype(frame, span, [left, right], 'number')
  if (dtype === undefined) return errorValue
  if (operator === '%') return remainder(frame, span, left, right, dtype)
  const op = arithmeticOps[operator]
  if (!op) throw new Error(`internal: check: operator ${operator}`)
  // Real division, also of whole numbers.
  return apply(frame, span, op, [left, right], op === 'div' ? 'f32' : dtype)
}

export function negate(frame: Frame, span: Span, operand: Located): Value {
  const { value } = operand
  if (value.kind === 'error') return value
  if (value.kind === 'number') return { kind: 'number', value: -value.value, integer: value.integer }
  if (value.kind === 'dimension' || value.kind === 'affine')
    return binary(frame, span, '*', { value: { kind: 'number', value: -1, integer: true }, span }, operand)
  const dtype = commonDtype(frame, span, [operand], 'number')
  return dtype === undefined ? errorValue : apply(frame, span, 'neg', [operand], dtype)
}

/** `and`, `or`, `not` on run-time values. */
export function logical(frame: Frame, span: Span, op: 'and' | 'or' | 'not', operands: readonly Located[]): Value {
  for (const { value, span: place } of operands) {
    if (value.kind === 'error') return errorValue
    if (dtypeOf(value) !== 'bool')
      return report(frame, 'NN0205', place, `\`${op}\` needs a condition, but this is ${describe(value)}`)
  }
  return apply(frame, span, op, operands, 'bool')
}

/** `if condition then a else b` where the condition is a tensor or an element. */
export function select(frame: Frame, span: Span, condition: Located, consequent: Located, alternate: Located): Value {
  if ([condition, consequent, alternate].some(({ value }) => value.kind === 'error')) return errorValue
  if (dtypeOf(condition.value) !== 'bool')
    return report(frame, 'NN0205', condition.span, `a condition must be bool, but this is ${describe(condition.value)}`)
  const dtype = commonDtype(frame, span, [consequent, alternate], 'any')
  if (dtype === undefined) return errorValue
  return applyTyped(frame, span, 'select', [condition, consequent, alternate], ['bool', dtype, dtype], dtype)
}

/**
 * An elementwise operation: operands are converted to `dtype`, broadcast, and the result has `result` (or the same)
 * dtype. Inside index notation the result is an element.
 */
export function apply(
  frame: Frame,
  span: Span,
  op: ElementwiseOp,
  operands: readonly Located[],
  dtype: DType,
  result: DType = dtype,
): Value {
  return applyTyped(
    frame,
    span,
    op,
    operands,
    operands.map(() => dtype),
    result,
  )
}

function applyTyped(
  frame: Frame,
  span: Span,
  op: ElementwiseOp,
  operands: readonly Located[],
  dtypes: readonly DType[],
  result: DType,
): Value {
  if (operands.some(({ value }) => value.kind === 'error')) return errorValue
  if (operands.some(({ value }) => isElement(value))) {
    const elements: ElementValue[] = []
    for (const [at, operand] of operands.entries()) {
      const element = toElement(frame, operand, dtypes[at]!)
      if (element.kind === 'error') return element
      elements.push(element)
    }
    const size = elements.reduce((total, element) => total + (element.size ?? 1), 1)
    if (size > MAXIMUM_ELEMENT_SIZE)
      return report(frame, 'NN0262', span, `this index notation has more than ${MAXIMUM_ELEMENT_SIZE} operations`, {
        hint: 'give parts of it their own `let name[…] = …`',
      })
    return {
      kind: 'element',
      size,
      context: elements[0]!.context,
      expression: { kind: 'elementwise', op, operands: elements.map((element) => element.expression) },
      dtype: result,
    }
  }
  const tensors: { value: TensorValue; span: Span }[] = []
  for (const [at, operand] of operands.entries()) {
    const tensor = toTensor(frame, operand, dtypes[at]!)
    if (tensor.kind === 'error') return tensor
    tensors.push({ value: tensor, span: operand.span })
  }
  const aligned = broadcast(frame, span, tensors)
  if ('kind' in aligned) return aligned
  const [first] = aligned
  const origins = aligned.find((value) => value.origins.length > 0)?.origins ?? []
  return emit(
    frame,
    span,
    { dtype: result, shape: first!.type.shape },
    { op, attributes: {} } as Operation,
    aligned,
    origins,
  )
}

/** dtype of a value; undefined for numbers and dimensions, which become what they meet. */
export function dtypeOf(value: Value): DType | undefined {
  switch (value.kind) {
    case 'tensor':
    case 'prototype':
      return value.type.dtype
    case 'element':
      return value.dtype
    case 'boolean':
      return 'bool'
    default:
      return undefined
  }
}

/** The dtype operands share, or a report why there is none. Whole numbers and indices become f32 where needed. */
export function commonDtype(
  frame: Frame,
  span: Span,
  operands: readonly Located[],
  accepts: 'number' | 'any',
): DType | undefined {
  let decided: { dtype: DType; by: Located } | undefined
  for (const operand of operands) {
    const { value } = operand
    if (value.kind === 'error') return undefined
    // With sizes nobody has chosen, what is made of them is no number yet when parameters begin: `1.0 / sqrt(Hid)`.
    if (value.kind === 'prototype' && frame.session.rigid) return undefined
    if (!isNumeric(value)) {
      report(frame, 'NN0209', operand.span, `expected a tensor or a number, but this is ${describe(value)}`)
      return undefined
    }
    const dtype = dtypeOf(value)
    if (dtype === undefined) continue
    if (accepts === 'number' && dtype === 'bool') {
      report(frame, 'NN0205', operand.span, `expected numbers, but this is ${describe(value)}`, {
        hint: 'write `if condition then 1.0 else 0.0`, or convert with `float(…)`',
      })
      return undefined
    }
    if (decided && decided.dtype !== dtype) {
      report(frame, 'NN0205', span, `${decided.dtype} and ${dtype} do not mix`, {
        labels: [
          { span: decided.by.span, message: `this is ${describe(decided.by.value)}` },
          { span: operand.span, message: `this is ${describe(value)}` },
        ],
        hint: 'convert one side with `float(…)` or `int(…)`',
      })
      return undefined
    }
    decided ??= { dtype, by: operand }
  }
  if (decided) return decided.dtype
  return operands.some(({ value }) => value.kind === 'number' && !value.integer) ? 'f32' : 'i32'
}

/** A tensor of the dtype, from a tensor, a number, a boolean or a dimension. */
export function toTensor(frame: Frame, operand: Located, dtype?: DType): TensorValue | ErrorValue {
  const { value, span } = operand
  switch (value.kind) {
    case 'error':
      return value
    case 'tensor':
      if (dtype === undefined || dtype === value.type.dtype) return value
      if (dtype === 'f32' && value.type.dtype === 'i32') return cast(frame, span, value, 'f32')
      return report(frame, 'NN0205', span, `expected ${dtype}, but this is ${displayType(value.type)}`, {
        hint: `convert it with \`${dtype === 'i32' ? 'int' : 'float'}(…)\``,
      })
    case 'number':
      return numberTensor(frame, operand, value.value, dtype ?? (value.integer ? 'i32' : 'f32'))
    case 'boolean':
      if (dtype !== undefined && dtype !== 'bool') return wrongKind(frame, operand)
      return constant(frame, span, value.value ? 1 : 0, 'bool')
    case 'dimension':
      if (dtype === 'bool') return wrongKind(frame, operand)
      return dimensionScalar(frame, span, value.dim, dtype ?? 'i32')
    case 'element':
    case 'affine':
      return report(frame, 'NN0223', span, 'a single element stands where a whole tensor is needed', {
        hint: 'write a `let name[…] = …` first and use the whole tensor after it',
      })
    case 'prototype':
      return report(frame, 'NN0209', span, 'only the shape of this tensor is known here, not its values', {
        hint: 'functions of the shape come first: `sum(zeros_like(p), axis = 1)`',
      })
    default:
      return wrongKind(frame, operand)
  }
}

/** One element of the dtype, for use inside index notation. */
export function toElement(frame: Frame, operand: Located, dtype: DType): ElementValue | ErrorValue {
  const { value, span } = operand
  const context = frame.indexed
  if (value.kind === 'error') return value
  if (context === undefined || ('context' in value && value.context !== context))
    return report(frame, 'NN0223', span, 'an element of one index notation is used inside another', {
      hint: 'give the inner tensor its own `let name[…] = …`',
    })
  const made = (expression: ElementValue['expression'], own: DType): ElementValue | ErrorValue =>
    castElement(frame, operand, { kind: 'element', context, expression, dtype: own }, dtype)
  switch (value.kind) {
    case 'element':
      return castElement(frame, operand, value, dtype)
    case 'affine':
      return made({ kind: 'position', subscript: value.subscript }, 'i32')
    case 'number':
      if (dtype === 'i32' && !Number.isInteger(value.value)) return wholeNumberNeeded(frame, operand)
      return { kind: 'element', context, expression: { kind: 'constant', value: value.value, dtype }, dtype }
    case 'boolean':
      return made({ kind: 'constant', value: value.value ? 1 : 0, dtype: 'bool' }, 'bool')
    case 'dimension':
      return made({ kind: 'position', subscript: { coefficients: {}, constant: value.dim } }, 'i32')
    case 'tensor':
      if (value.type.shape.length > 0)
        return report(frame, 'NN0223', span, `${displayType(value.type)} is used whole inside index notation`, {
          hint: `say which element: \`[${value.type.shape.map((_, axis) => 'ijklmnpq'[axis] ?? '…').join(', ')}]\``,
        })
      return made({ kind: 'scalar', value: value.id }, value.type.dtype)
    default:
      return wrongKind(frame, operand) as ErrorValue
  }
}

function castElement(frame: Frame, operand: Located, element: ElementValue, dtype: DType): ElementValue | ErrorValue {
  if (element.dtype === dtype) return element
  if (element.dtype === 'i32' && dtype === 'f32') return convertElement(element, dtype)
  return report(frame, 'NN0205', operand.span, `expected ${dtype}, but this is ${element.dtype}`, {
    hint: `convert it with \`${dtype === 'i32' ? 'int' : 'float'}(…)\``,
  })
}

export function convertElement(element: ElementValue, dtype: DType): ElementValue {
  if (element.dtype === dtype) return element
  return { ...element, expression: { kind: 'cast', dtype, operand: element.expression }, dtype }
}

export function isElement(value: Value): boolean {
  return value.kind === 'element' || value.kind === 'affine'
}

function isNumeric(value: Value): boolean {
  switch (value.kind) {
    case 'number':
    case 'boolean':
    case 'dimension':
    case 'tensor':
    case 'element':
    case 'affine':
      return true
    default:
      return false
  }
}

function numberTensor(frame: Frame, operand: Located, value: number, dtype: DType): TensorValue | ErrorValue {
  if (dtype === 'bool') return wrongKind(frame, operand)
  if (dtype === 'i32' && !Number.isInteger(value)) return wholeNumberNeeded(frame, operand)
  return constant(frame, operand.span, value, dtype)
}

function wholeNumberNeeded(frame: Frame, operand: Located): ErrorValue {
  return report(frame, 'NN0205', operand.span, `${describe(operand.value)} meets i32 values but is not whole`, {
    hint: 'convert the other side with `float(…)`',
  })
}

function wrongKind(frame: Frame, { value, span }: Located): ErrorValue {
  const hints: Partial<Record<Value['kind'], string>> = {
    instance: 'a layer is applied to what flows into it: `x |> name: Layer(…)`',
    list: '`stack([…])` makes a tensor of a list of numbers or tensors',
  }
  return report(frame, 'NN0209', span, `expected a tensor, but this is ${describe(value)}`, {
    hint: hints[value.kind],
  })
}

/** x − y·floor(x / y), the sign of y. */
function remainder(frame: Frame, span: Span, left: Located, right: Located, dtype: DType): Value {
  if (dtype !== 'f32')
    return report(frame, 'NN0205', span, '`%` works on f32 values and on sizes', { hint: 'convert with `float(…)`' })
  const at = (value: Value): Located => ({ value, span })
  const quotient = at(apply(frame, span, 'div', [left, right], dtype))
  const whole = at(apply(frame, span, 'floor', [quotient], dtype))
  return apply(frame, span, 'sub', [left, at(apply(frame, span, 'mul', [right, whole], dtype))], dtype)
}

/** Small whole exponents become multiplications, ±½ roots; everything else is `pow`. */
function power(frame: Frame, span: Span, base: Located, exponent: Located): Value {
  const dtype = commonDtype(frame, span, [base], 'number')
  if (dtype === undefined) return errorValue
  const at = (value: Value): Located => ({ value, span })
  const n = exponent.value.kind === 'number' ? exponent.value.value : undefined
  if (n !== undefined && !isStatic(base.value)) {
    if (n === 0.5) return apply(frame, span, 'sqrt', [base], 'f32')
    if (n === -0.5) return apply(frame, span, 'rsqrt', [base], 'f32')
    if (n === 0) {
      if (base.value.kind !== 'tensor') return float(1)
      return expandTo(frame, span, constant(frame, span, 1, dtype), base.value.type.shape, base.value.origins)
    }
    if (Number.isInteger(n) && Math.abs(n) <= 8) {
      const positive = repeatedProduct(frame, span, base, Math.abs(n), n < 0 ? 'f32' : dtype)
      return n > 0 ? positive : apply(frame, span, 'reciprocal', [at(positive)], 'f32')
    }
  }
  const both = commonDtype(frame, span, [base, exponent], 'number')
  return both === undefined ? errorValue : apply(frame, span, 'pow', [base, exponent], 'f32')
}

function repeatedProduct(frame: Frame, span: Span, base: Located, count: number, dtype: DType): Value {
  if (count === 1) return base.value
  const half: Located = { value: repeatedProduct(frame, span, base, Math.floor(count / 2), dtype), span }
  const square: Value = apply(frame, span, 'mul', [half, half], dtype)
  return count % 2 === 0 ? square : apply(frame, span, 'mul', [{ value: square, span }, base], dtype)
}

/** Sums of indices and products of an index with a size stay subscripts. */
function affineArithmetic(operator: BinaryOperator, left: Value, right: Value): Value | undefined {
  const indexed = left.kind === 'affine' ? left : right.kind === 'affine' ? right : undefined
  if (indexed === undefined) return undefined
  const a = affineOf(left)
  const b = affineOf(right)
  const subscript = a && b && combineAffine(operator, a, b)
  return subscript && { kind: 'affine', context: indexed.context, subscript }
}
