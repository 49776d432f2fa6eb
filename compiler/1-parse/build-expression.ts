/** Concrete to abstract syntax: expressions. */
import type { Diagnostic, DiagnosticCode, Span } from '../diagnostics/diagnostic.ts'
import type {
  Argument,
  BinaryExpression,
  BinaryOperator,
  Block,
  Expression,
  IndexBinder,
  IterateExpression,
  NumberLiteral,
  PipelineStage,
  RearrangeExpression,
  RearrangeItem,
  ReductionExpression,
  ScanExpression,
  StringLiteral,
  Subscript,
} from './ast.ts'
import { buildType } from './build-declaration.ts'
import { limits } from './limits.ts'
import { readNumber, readString } from './literals.ts'
import { words } from './tokens.ts'
import type { CstNode, IToken } from './toolkit.ts'
import {
  Damaged,
  nameOf,
  node,
  nodeSpan,
  nodes,
  optionalNode,
  optionalToken,
  required,
  token,
  tokenSpan,
  tokens,
} from './tree-access.ts'

/** What building needs to know and to report. */
export interface Building {
  readonly file: string
  readonly diagnostics: Diagnostic[]
  /** Adds an error; building goes on. */
  report(code: DiagnosticCode, span: Span, message: string, hint?: string): void
  /** Expressions the source puts in parentheses, for the formatter. */
  readonly parenthesized: Set<Expression>
  readonly block: (tree: CstNode) => Block
}

const bindingPower: Record<BinaryOperator, number> = {
  '??': 1,
  or: 2,
  and: 3,
  '==': 5,
  '!=': 5,
  '<': 5,
  '<=': 5,
  '>': 5,
  '>=': 5,
  '+': 6,
  '-': 6,
  '*': 7,
  '/': 7,
  '%': 7,
  '@': 7,
  '^': 9,
}
const notPower = 4
const comparisonPower = 5
const minusPower = 8

const reducers: ReadonlySet<string> = new Set<ReductionExpression['reducer']>(['sum', 'mean', 'max', 'min', 'prod'])

function isReducer(name: string): name is ReductionExpression['reducer'] {
  return reducers.has(name)
}

/** @param depth operations above this one, bounded so that later passes may walk the tree recursively. */
export function buildExpression(tree: CstNode, building: Building, depth = 0): Expression {
  const stages = nodes(tree, 'stage')
  const input = buildBinary(node(tree, 'binary'), building, depth + stages.length)
  if (stages.length === 0) return input
  return {
    kind: 'pipeline',
    input,
    stages: stages.map((stage) => buildStage(stage, building, depth + 1)),
    span: nodeSpan(building.file, tree),
  }
}

function buildStage(tree: CstNode, building: Building, depth: number): PipelineStage {
  const name = optionalToken(tree, 'name')
  const repeat = optionalNode(tree, 'expression')
  const word = token(tree, 'target')
  let target: Expression = { kind: 'name', name: word.image, span: tokenSpan(building.file, word) }
  const calls = nodes(tree, 'callArguments')
  checkHeight(depth + calls.length, tree, building)
  for (const call of calls) {
    target = {
      kind: 'call',
      callee: target,
      arguments: buildArguments(call, building, depth + calls.length),
      span: { file: building.file, start: target.span.start, end: nodeSpan(building.file, call).end },
    }
  }
  return {
    ...(name && { name: nameOf(building.file, name) }),
    ...(repeat && { repeat: buildExpression(repeat, building, depth + 1) }),
    target,
    span: nodeSpan(building.file, tree),
  }
}

function checkHeight(height: number, tree: CstNode, building: Building): void {
  if (height <= limits.expressionHeight) return
  building.report(
    'NN0114',
    nodeSpan(building.file, tree),
    `this expression is more than ${limits.expressionHeight} operations deep`,
    'name parts of it with `let`',
  )
  throw new Damaged('expression too high')
}

/** Operators and operands of one `binary`, read from left to right. */
interface Row {
  readonly building: Building
  readonly depth: number
  readonly operands: readonly CstNode[]
  readonly operators: readonly IToken[]
  /** The next operand. */
  position: number
}

export function buildBinary(tree: CstNode, building: Building, depth = 0): Expression {
  const operands = nodes(tree, 'operand')
  const operators = tokens(tree, 'BinaryOperator')
  if (operands.length !== operators.length + 1) throw new Damaged('operand missing')
  let operations = operators.length
  for (const operand of operands) operations += tokens(operand, 'prefix').length
  checkHeight(depth + operations, tree, building)
  return readOperation({ building, depth: depth + operations, operands, operators, position: 0 }, 0)
}

/** Precedence climbing (Richards 1979) over a flat row of operands. */
function readOperation(row: Row, power: number): Expression {
  const operand = row.operands[row.position]!
  return continueOperation(row, readPrefixed(row, operand, tokens(operand, 'prefix'), 0, power), power)
}

function readPrefixed(row: Row, operand: CstNode, prefixes: IToken[], index: number, power: number): Expression {
  const prefix = prefixes[index]
  if (prefix === undefined) return buildOperand(operand, row.building, row.depth)
  const { file, report } = row.building
  const negation = prefix.tokenType === words.not
  if (negation && power > notPower) {
    report('NN0120', tokenSpan(file, prefix), '`not` needs parentheses here', 'write `(not …)`')
    throw new Damaged('misplaced not')
  }
  const strength = negation ? notPower : minusPower
  const inner = continueOperation(row, readPrefixed(row, operand, prefixes, index + 1, strength), strength)
  return {
    kind: 'unary',
    operator: negation ? 'not' : '-',
    operand: inner,
    span: { file, start: prefix.startOffset, end: inner.span.end },
  }
}

/** Takes the operators of at least this power; after a prefix those tighter than it: `-x ^ 2` is `-(x ^ 2)`. */
function continueOperation(row: Row, first: Expression, power: number): Expression {
  let left = first
  for (;;) {
    const sign = row.operators[row.position]
    if (sign === undefined) return left
    const operator = operatorOf(sign)
    const strength = bindingPower[operator]
    if (strength < power) return left
    row.position++
    const right = readOperation(row, operator === '^' ? minusPower : strength + 1)
    left = combine(row.building, operator, sign, left, right)
  }
}

function combine(
  building: Building,
  operator: BinaryOperator,
  sign: IToken,
  left: Expression,
  right: Expression,
): BinaryExpression {
  const { file } = building
  const span = { file, start: left.span.start, end: right.span.end }
  if (
    bindingPower[operator] === comparisonPower &&
    left.kind === 'binary' &&
    bindingPower[left.operator] === comparisonPower &&
    !building.parenthesized.has(left)
  ) {
    building.report(
      'NN0115',
      span,
      'comparisons do not chain',
      'write `a < b and b < c`, or put parentheses around the first comparison',
    )
    throw new Damaged('chained comparison')
  }
  return { kind: 'binary', operator, operatorSpan: tokenSpan(file, sign), left, right, span }
}

function operatorOf(sign: IToken): BinaryOperator {
  if (sign.tokenType === words.and) return 'and'
  if (sign.tokenType === words.or) return 'or'
  return sign.image as BinaryOperator
}

export function buildOperand(tree: CstNode, building: Building, depth = 0): Expression {
  const suffixes = nodes(tree, 'suffix')
  const height = depth + suffixes.length
  checkHeight(height, tree, building)
  let expression = buildPrimary(tree, building, height)
  for (let i = 0; i < suffixes.length; i++) {
    const suffix = suffixes[i]!
    const extent = nodeSpan(building.file, suffix)
    const span = { file: building.file, start: expression.span.start, end: extent.end }
    const call = optionalNode(suffix, 'callArguments')
    const index = optionalNode(suffix, 'index')
    if (call !== undefined) {
      const values = buildArguments(call, building, height)
      expression = reduction(expression, values, span, building) ?? {
        kind: 'call',
        callee: expression,
        arguments: values,
        span,
      }
    } else if (index !== undefined) {
      expression = { kind: 'index', target: expression, subscripts: buildSubscripts(index, building, height), span }
    } else {
      const member = nameOf(building.file, token(suffix, 'Identifier'))
      expression = { kind: 'member', target: expression, member, span }
    }
  }
  return expression
}

/** `sum[i, j](body)`: brackets with plain names after the name of a reducer, then one argument. */
function reduction(
  callee: Expression,
  values: readonly Argument[],
  span: Span,
  building: Building,
): ReductionExpression | undefined {
  if (callee.kind !== 'index' || callee.target.kind !== 'name') return undefined
  const reducer = callee.target.name
  if (!isReducer(reducer) || building.parenthesized.has(callee) || building.parenthesized.has(callee.target)) {
    return undefined
  }
  const indices = binders(callee.subscripts)
  if (indices === undefined) return undefined
  const body = values[0]
  if (values.length !== 1 || body === undefined || body.name !== undefined) {
    building.report(
      'NN0121',
      span,
      `\`${reducer}[…](…)\` takes one expression to reduce`,
      `write \`${reducer}[i](x[i])\``,
    )
    throw new Damaged('reduction')
  }
  return { kind: 'reduction', reducer, indices, body: body.value, span }
}

export function binders(subscripts: readonly Subscript[]): IndexBinder[] | undefined {
  const result: IndexBinder[] = []
  for (const subscript of subscripts) {
    if (subscript.kind === 'ellipsis') result.push(subscript)
    else if (subscript.kind === 'expression' && subscript.value.kind === 'name') {
      const { span } = subscript
      result.push({ kind: 'index', name: { text: subscript.value.name, span }, span })
    } else return undefined
  }
  return result
}

function buildPrimary(tree: CstNode, building: Building, depth: number): Expression {
  const { file } = building
  for (const label in tree.children) {
    switch (label) {
      case 'NumberText':
        return buildNumber(token(tree, label), building)
      case 'StringText':
        return buildString(token(tree, label), building)
      case 'True':
      case 'False':
        return { kind: 'boolean', value: label === 'True', span: tokenSpan(file, token(tree, label)) }
      case 'Identifier': {
        const word = token(tree, label)
        return { kind: 'name', name: word.image, span: tokenSpan(file, word) }
      }
      case 'parenthesized':
        return buildParenthesized(node(tree, label), building, depth)
      case 'list': {
        const list = node(tree, label)
        return { kind: 'list', items: buildItems(list, building, depth), span: nodeSpan(file, list) }
      }
      case 'conditional':
        return buildConditional(node(tree, label), building, depth)
      case 'scan':
        return buildScan(node(tree, label), building, depth)
      case 'iterate':
        return buildIterate(node(tree, label), building, depth)
      case 'rearrange':
        return buildRearrange(node(tree, label), building, depth)
    }
  }
  throw new Damaged('no operand')
}

function buildItems(tree: CstNode, building: Building, depth: number): Expression[] {
  return nodes(tree, 'expression').map((item) => buildExpression(item, building, depth + 1))
}

function buildParenthesized(tree: CstNode, building: Building, depth: number): Expression {
  const items = buildItems(tree, building, depth)
  const first = required(items[0])
  if (items.length > 1) return { kind: 'tuple', items, span: nodeSpan(building.file, tree) }
  // A literal's span is its text; any other expression takes the parentheses in.
  const literal = first.kind === 'number' || first.kind === 'string'
  const expression = literal ? first : { ...first, span: nodeSpan(building.file, tree) }
  building.parenthesized.add(expression)
  return expression
}

function buildConditional(tree: CstNode, building: Building, depth: number): Expression {
  const conditions = nodes(tree, 'condition')
  const consequents = nodes(tree, 'consequent')
  const starts = tokens(tree, 'If')
  const height = depth + conditions.length
  checkHeight(height, tree, building)
  let result = buildExpression(node(tree, 'alternate'), building, height)
  const end = nodeSpan(building.file, tree).end
  for (let i = conditions.length - 1; i >= 0; i--) {
    result = {
      kind: 'conditional',
      condition: buildExpression(conditions[i]!, building, height),
      consequent: buildExpression(required(consequents[i]), building, height),
      alternate: result,
      span: { file: building.file, start: required(starts[i]).startOffset, end },
    }
  }
  return result
}

function buildCarries(tree: CstNode, building: Building, depth: number): ScanExpression['carries'] {
  return nodes(tree, 'carry').map((carry) => {
    const type = optionalNode(carry, 'type')
    return {
      name: nameOf(building.file, token(carry, 'Identifier')),
      ...(type && { type: buildType(type, building) }),
      initial: buildExpression(node(carry, 'expression'), building, depth + 1),
    }
  })
}

function buildScan(tree: CstNode, building: Building, depth: number): ScanExpression {
  return {
    kind: 'scan',
    elements: nodes(tree, 'scanElement').map((element) => ({
      name: nameOf(building.file, token(element, 'Identifier')),
      source: buildExpression(node(element, 'expression'), building, depth + 1),
    })),
    over: buildBinary(node(tree, 'binary'), building, depth + 1),
    reverse: optionalToken(tree, 'Reverse') !== undefined,
    carries: buildCarries(tree, building, depth),
    body: building.block(node(tree, 'block')),
    span: nodeSpan(building.file, tree),
  }
}

function buildIterate(tree: CstNode, building: Building, depth: number): IterateExpression {
  const tolerance = optionalNode(tree, 'tolerance')
  return {
    kind: 'iterate',
    carries: buildCarries(tree, building, depth),
    ...(tolerance && { tolerance: buildBinary(tolerance, building, depth + 1) }),
    limit: buildBinary(node(tree, 'limit'), building, depth + 1),
    unrolled: optionalToken(tree, 'Unrolled') !== undefined,
    counted: optionalToken(tree, 'Counted') !== undefined,
    body: building.block(node(tree, 'block')),
    span: nodeSpan(building.file, tree),
  }
}

function buildRearrange(tree: CstNode, building: Building, depth: number): RearrangeExpression {
  return {
    kind: 'rearrange',
    input: buildExpression(node(tree, 'expression'), building, depth + 1),
    from: buildPattern(node(tree, 'from'), building),
    to: buildPattern(node(tree, 'to'), building),
    sizes: nodes(tree, 'argument').map((argument) => buildArgument(argument, building, depth + 1)),
    span: nodeSpan(building.file, tree),
  }
}

function buildPattern(tree: CstNode, building: Building): RearrangeItem[] {
  return nodes(tree, 'rearrangeItem').map((item) => {
    const span = nodeSpan(building.file, item)
    const axis = optionalToken(item, 'axis')
    if (axis !== undefined) return { kind: 'axis', name: nameOf(building.file, axis) }
    if (item.children.Ellipsis) return { kind: 'ellipsis', span }
    return { kind: 'group', names: tokens(item, 'item').map((name) => nameOf(building.file, name)), span }
  })
}

function buildArguments(tree: CstNode, building: Building, depth: number): Argument[] {
  return nodes(tree, 'argument').map((argument) => buildArgument(argument, building, depth + 1))
}

function buildArgument(tree: CstNode, building: Building, depth: number): Argument {
  const name = optionalToken(tree, 'Identifier')
  return {
    ...(name && { name: nameOf(building.file, name) }),
    value: buildExpression(node(tree, 'expression'), building, depth),
    span: nodeSpan(building.file, tree),
  }
}

export function buildSubscripts(tree: CstNode, building: Building, depth: number): Subscript[] {
  return nodes(tree, 'subscript').map((subscript) => {
    const span = nodeSpan(building.file, subscript)
    if (subscript.children.Ellipsis) return { kind: 'ellipsis', span }
    const from = optionalNode(subscript, 'from')
    const to = optionalNode(subscript, 'to')
    const step = optionalNode(subscript, 'sliceStep')
    const start = from && buildExpression(from, building, depth + 1)
    if (!subscript.children.Colon) return { kind: 'expression', value: required(start), span }
    return {
      kind: 'slice',
      ...(start && { from: start }),
      ...(to && { to: buildExpression(to, building, depth + 1) }),
      ...(step && { step: buildExpression(node(step, 'expression'), building, depth + 1) }),
      span,
    }
  })
}

/** What is wrong with a literal has been reported with the file's other lexical errors. */
export function buildNumber(part: IToken, building: Building): NumberLiteral {
  const { value, integer } = readNumber(part.image)
  return { kind: 'number', value, integer, span: tokenSpan(building.file, part) }
}

export function buildString(part: IToken, building: Building): StringLiteral {
  return { kind: 'string', value: readString(part.image).value, span: tokenSpan(building.file, part) }
}
