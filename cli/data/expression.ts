/**
 * The expressions of a data block, over columns. Pure: the same code can run in a browser. An expression is compiled
 * once into a column that computes any row on demand; what has to be learned from the training rows (means, category
 * names) is either learned from a table or taken from what an earlier run learned.
 */
import type { BinaryOperator, CallExpression, Expression } from '../../compiler/1-parse/ast.ts'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import { condition, isCondition, missingIndicator, negation } from './condition.ts'
import { DataFault } from './data-fault.ts'
import { checkFill, fill } from './fill.ts'
import { category, type Learned, type LearningRows, oneHot, standardize } from './learned.ts'
import { asNumbers, named } from './named-column.ts'
import { numberInText } from './number-in-text.ts'
import { textOf } from './row-values.ts'
import { clipQuantiles, minmaxScale, robustScale } from './scaling.ts'
import { sameShape, shapeText, sizeOf } from './shape.ts'
import type { Table } from './table.ts'
import { computeTextFunction } from './text-columns.ts'
import { checkTextFunction, textFunctionNames } from './text-functions.ts'

/** Numbers computed row by row. */
export interface ComputedNumbers {
  readonly kind: 'number'
  /** The shape of one row; [] is a single number. */
  readonly shape: readonly number[]
  /** Whether row `row` lacks a value this is made of; computing it is then an error. */
  absent(row: number): boolean
  /** Writes row `row` into `target` from `at` on. */
  compute(row: number, target: Float64Array, at: number): void
  /** The names of the classes, if the numbers are positions in this list. */
  readonly categories?: readonly string[]
  /** A column of the file as it is written there, where numbers may as well be read as text. */
  readonly written?: ComputedText
}

export interface ComputedText {
  readonly kind: 'text'
  absent(row: number): boolean
  compute(row: number): string
  /** A column without any value, which may as well hold numbers. */
  readonly empty?: boolean
}

/** Token ids, as many in each row as its text has. */
export interface ComputedSequence {
  readonly kind: 'sequence'
  absent(row: number): boolean
  compute(row: number): Int32Array
}

/** Windows of the tokens of each row, or of rows that follow one another: each becomes a row of its own. */
export interface ComputedWindows {
  readonly kind: 'windows'
  readonly sequence: ComputedSequence | ComputedNumbers
  readonly length: number
  /** Tokens, or rows, from the beginning of a window to that of the next. */
  readonly every: number
  /** How many all windows are moved by towards the end. */
  readonly shift: number
  absent(row: number): boolean
}

export type Computed = ComputedNumbers | ComputedText | ComputedSequence | ComputedWindows

/** Where names get their values, and where learned things come from and go to. */
export interface ExpressionScope {
  readonly table: Table
  /** Fields defined earlier in the block. */
  field(name: string): Computed | undefined
  /**
   * Called for each learning function of the expression, in the order of the text: returns what an earlier run
   * learned, or calls `learn`.
   */
  learned(span: Span, learn: (rows: LearningRows) => Learned): Learned
  /** What an earlier run learned at this place, without taking it. */
  known?(): Learned | undefined
}

type Operate = (left: number, right: number) => number

const OPERATORS: Partial<Record<BinaryOperator, Operate>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left - right * Math.floor(left / right),
  '^': (left, right) => left ** right,
}

const ELEMENTWISE: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
}

type Learning = (input: ComputedNumbers, span: Span, scope: ExpressionScope) => ComputedNumbers

/** Functions of one argument that learn from the training rows. */
const SCALINGS: Readonly<Record<string, Learning>> = {
  standardize,
  minmax_scale: minmaxScale,
  robust_scale: robustScale,
}

/** How each function is called, where not with one expression. */
const CALLS: Readonly<Record<string, string>> = {
  column: '`column` takes the name of a column in quotes',
  fill: '`fill` takes what to fill and with what: `fill(age, median)`',
  clip: '`clip` takes what to clip, the least and the greatest value: `clip(age, 0.0, 100.0)`',
  clip_quantiles: '`clip_quantiles` takes what to clip and two shares: `clip_quantiles(income, 0.01, 0.99)`',
}

const FUNCTIONS = [
  ...['column', 'number', 'category', 'one_hot', 'fill', 'missing', 'clip', 'clip_quantiles'],
  ...Object.keys(SCALINGS),
  ...Object.keys(ELEMENTWISE),
  ...textFunctionNames,
]

/** Reports what no data expression may hold, before any file is opened. Throws {@link DataFault}. */
export function checkExpression(expression: Expression): void {
  for (const part of partsOf(expression)) checkExpression(part)
}

/** The expressions directly inside one that belongs in a data block. */
function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'number':
    case 'name':
    case 'string':
      return []
    case 'unary':
      return [expression.operand]
    case 'binary':
      if (OPERATORS[expression.operator] || isCondition(expression.operator)) return [expression.left, expression.right]
      throw new DataFault(
        'NN0405',
        expression.operatorSpan,
        `\`${expression.operator}\` is not an operator of data blocks`,
      )
    case 'list':
      if (expression.items.length > 0) return expression.items
      throw new DataFault('NN0405', expression.span, 'an empty list stacks nothing')
    case 'call':
      return partsOfCall(expression)
  }
  throw new DataFault(
    'NN0405',
    expression.span,
    'this is not an expression of data blocks',
    `use columns, numbers, + - * / % ^, comparisons, and, or, not, lists and ${FUNCTIONS.join(', ')}`,
  )
}

function partsOfCall(call: CallExpression): readonly Expression[] {
  const { callee, arguments: given, span } = call
  const name = callee.kind === 'name' ? callee.name : ''
  if (textFunctionNames.includes(name)) {
    checkTextFunction(call)
    return [given[0]!.value]
  }
  if (!FUNCTIONS.includes(name)) {
    const near = suggest(name, FUNCTIONS)
    const hint = near ? `did you mean \`${near}\`?` : `the functions of data blocks are ${FUNCTIONS.join(', ')}`
    throw new DataFault('NN0405', callee.span, `\`${name}\` is not a function of data blocks`, hint)
  }
  const values = given.map(({ value }) => value)
  const [first, second, third] = values
  const count = name === 'fill' ? 2 : name === 'clip' || name === 'clip_quantiles' ? 3 : 1
  const wrong = CALLS[name] ?? `\`${name}\` takes one argument, without a name`
  if (first === undefined || given.length !== count || given.some((argument) => argument.name !== undefined))
    throw new DataFault('NN0405', span, wrong)
  if (name === 'column' && first.kind !== 'string') throw new DataFault('NN0405', first.span, wrong)
  if (name === 'fill') {
    checkFill(second!)
    return [first]
  }
  if (name === 'clip_quantiles') {
    shares(second!, third!, span)
    return [first]
  }
  return name === 'column' ? [] : values
}

function shares(from: Expression, to: Expression, span: Span): readonly [number, number] {
  if (from.kind === 'number' && to.kind === 'number' && from.value < to.value && to.value <= 1)
    return [from.value, to.value]
  throw new DataFault('NN0405', span, 'the shares are two numbers from 0.0 to 1.0, the smaller one first')
}

/** Compiles a checked expression over a table. Throws {@link DataFault} where columns are missing or do not fit. */
export function compileExpression(expression: Expression, scope: ExpressionScope): Computed {
  switch (expression.kind) {
    case 'number':
      return constant(expression.value)
    case 'name':
      return named(expression.name, expression.span, scope)
    case 'string': {
      const { value } = expression
      return { kind: 'text', absent: () => false, compute: () => value }
    }
    case 'unary':
      return expression.operator === 'not'
        ? negation(compileExpression(expression.operand, scope), expression.span)
        : map(numbers(expression.operand, scope, '-'), (value) => -value)
    case 'binary': {
      const { operator } = expression
      if (isCondition(operator))
        return condition(
          operator,
          compileExpression(expression.left, scope),
          compileExpression(expression.right, scope),
          expression.operatorSpan,
        )
      const left = compileExpression(expression.left, scope)
      const right = compileExpression(expression.right, scope)
      if (operator === '+' && left.kind === 'text' && right.kind === 'text') return join(left, right)
      if (operator === '+' && (isText(expression.left) || isText(expression.right))) {
        const [one, other] = [textOf(left), textOf(right)]
        if (one && other) return join(one, other)
      }
      return combine(
        asNumbers(left, expression.left, scope, operator),
        asNumbers(right, expression.right, scope, operator),
        OPERATORS[operator]!,
        expression.operatorSpan,
      )
    }
    case 'list':
      return stack(expression.items.map((item) => ({ column: numbers(item, scope, '[…]'), span: item.span })))
    case 'call':
      return compileCall(expression, scope)
    default:
      throw new Error(`internal: data: an unchecked ${expression.kind} expression`)
  }
}

function compileCall(call: CallExpression, scope: ExpressionScope): Computed {
  const { callee, arguments: given, span } = call
  const name = callee.kind === 'name' ? callee.name : ''
  const [argument, second, third] = given.map(({ value }) => value)
  if (!argument) throw new Error('internal: data: an unchecked call')
  if (textFunctionNames.includes(name))
    return computeTextFunction(call, compileExpression(argument, scope), argument.span, scope)
  if (name === 'column' && argument.kind === 'string') return named(argument.value, argument.span, scope)
  if (name === 'number') return numberInText(compileExpression(argument, scope), argument.span, scope)
  if (name === 'category') return category(compileExpression(argument, scope), span, scope)
  if (name === 'one_hot') return oneHot(compileExpression(argument, scope), span, scope)
  if (name === 'missing') return missingIndicator(compileExpression(argument, scope))
  if (name === 'fill') return fill(compileExpression(argument, scope), second!, span, scope)
  const input = numbers(argument, scope, name)
  if (name === 'clip_quantiles') return clipQuantiles(input, shares(second!, third!, span), span, scope)
  if (name === 'clip') {
    const above = combine(input, numbers(second!, scope, name), Math.max, span)
    return combine(above, numbers(third!, scope, name), Math.min, span)
  }
  const scaling = SCALINGS[name]
  return scaling ? scaling(input, span, scope) : map(input, ELEMENTWISE[name]!)
}

function numbers(expression: Expression, scope: ExpressionScope, user: string): ComputedNumbers {
  return asNumbers(compileExpression(expression, scope), expression, scope, user)
}

function constant(value: number): ComputedNumbers {
  return {
    kind: 'number',
    shape: [],
    absent: () => false,
    compute(_, target, at) {
      target[at] = value
    },
  }
}

function map(input: ComputedNumbers, operate: (value: number) => number): ComputedNumbers {
  const size = sizeOf(input.shape)
  return {
    kind: 'number',
    shape: input.shape,
    absent: input.absent,
    compute(row, target, at) {
      input.compute(row, target, at)
      for (let i = at; i < at + size; i++) target[i] = operate(target[i]!)
    },
  }
}

/** Whether an expression is text whatever the columns hold. */
function isText(expression: Expression): boolean {
  if (expression.kind === 'binary')
    return expression.operator === '+' && (isText(expression.left) || isText(expression.right))
  if (expression.kind !== 'call') return expression.kind === 'string'
  return expression.callee.kind === 'name' && ['replace', 'extract'].includes(expression.callee.name)
}

/** One text after the other. */
function join(left: ComputedText, right: ComputedText): ComputedText {
  return {
    kind: 'text',
    absent: (row) => left.absent(row) || right.absent(row),
    compute: (row) => left.compute(row) + right.compute(row),
  }
}

/** Elementwise; a single number goes with any shape. */
function combine(left: ComputedNumbers, right: ComputedNumbers, operate: Operate, span: Span): ComputedNumbers {
  const leftSize = sizeOf(left.shape)
  const rightSize = sizeOf(right.shape)
  if (left.shape.length > 0 && right.shape.length > 0 && !sameShape(left.shape, right.shape))
    throw new DataFault('NN0412', span, `${shapeText(left.shape)} and ${shapeText(right.shape)} cannot be combined`)
  const shape = left.shape.length > 0 ? left.shape : right.shape
  const size = Math.max(leftSize, rightSize)
  const leftValues = new Float64Array(leftSize)
  const rightValues = new Float64Array(rightSize)
  const leftStep = left.shape.length > 0 ? 1 : 0
  const rightStep = right.shape.length > 0 ? 1 : 0
  return {
    kind: 'number',
    shape,
    absent: (row) => left.absent(row) || right.absent(row),
    compute(row, target, at) {
      left.compute(row, leftValues, 0)
      right.compute(row, rightValues, 0)
      for (let i = 0; i < size; i++) target[at + i] = operate(leftValues[i * leftStep]!, rightValues[i * rightStep]!)
    },
  }
}

function stack(items: readonly { column: ComputedNumbers; span: Span }[]): ComputedNumbers {
  const inner = items[0]!.column.shape
  for (const { column, span } of items) {
    if (!sameShape(column.shape, inner))
      throw new DataFault(
        'NN0412',
        span,
        `this has the shape ${shapeText(column.shape)}, the first of the list ${shapeText(inner)}`,
      )
  }
  const size = sizeOf(inner)
  return {
    kind: 'number',
    shape: [items.length, ...inner],
    absent: (row) => items.some(({ column }) => column.absent(row)),
    compute(row, target, at) {
      for (const [index, { column }] of items.entries()) column.compute(row, target, at + index * size)
    },
  }
}
