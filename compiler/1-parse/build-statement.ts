/** Concrete to abstract syntax: blocks and statements. A damaged statement is left out; its error is known already. */
import type {
  Block,
  LetStatement,
  SettingStatement,
  Statement,
  StopStatement,
  TraitStatement,
  WhenStatement,
} from './ast.ts'
import { buildType } from './build-declaration.ts'
import {
  type Building,
  binders,
  buildBinary,
  buildExpression,
  buildOperand,
  buildString,
  buildSubscripts,
} from './build-expression.ts'
import { explainStray } from './syntax-errors.ts'
import type { CstNode } from './toolkit.ts'
import {
  Damaged,
  firstToken,
  lastToken,
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

export function buildBlock(tree: CstNode, building: Building): Block {
  const statements: Statement[] = []
  eachUndamaged(nodes(tree, 'statement'), 'block', building, (statement) => {
    statements.push(buildStatement(statement, building))
  })
  return { statements, span: nodeSpan(building.file, tree) }
}

/** Builds the sound statements of a block, and reports text that is no statement unless an error led into it. */
export function eachUndamaged(
  statements: readonly CstNode[],
  context: 'block' | 'data' | 'load',
  building: Building,
  build: (statement: CstNode) => void,
): void {
  let afterError = false
  let previous: CstNode | undefined
  for (const statement of statements) {
    const stray = optionalNode(statement, 'stray')
    if (stray !== undefined) {
      if (!afterError) reportStray(stray, context, previous, building)
      // Blocks within it are built for the errors they may hold.
      for (const part of nodes(stray, 'strayPart')) {
        for (const block of nodes(part, 'block')) buildBlock(block, building)
      }
    } else if (!statement.recoveredNode) {
      try {
        build(statement)
      } catch (problem) {
        if (!(problem instanceof Damaged)) throw problem
      }
    }
    afterError = statement.recoveredNode === true
    previous = statement
  }
}

function reportStray(
  stray: CstNode,
  context: 'block' | 'data' | 'load',
  previous: CstNode | undefined,
  building: Building,
): void {
  const [first, second] = nodes(stray, 'strayPart').map((part) => firstToken(part))
  if (first === undefined) return
  const last = previous && lastToken(previous)
  building.diagnostics.push(explainStray(building.file, context, first, second, last))
}

function buildStatement(tree: CstNode, building: Building): Statement {
  const { file } = building
  const label = Object.keys(tree.children)[0]
  const part = node(tree, required(label))
  const span = nodeSpan(file, part)
  const value = () => buildExpression(node(part, 'expression'), building)
  const name = () => nameOf(file, token(part, 'Identifier'))
  const typed = optionalNode(part, 'type')
  const type = typed === undefined ? {} : { type: buildType(typed, building) }
  switch (label) {
    case 'letStatement':
      return { kind: 'let', pattern: buildPattern(part, building), ...type, value: value(), span }
    case 'paramStatement': {
      const initializer = optionalNode(part, 'expression')
      return {
        kind: 'param',
        name: name(),
        type: required(type.type),
        ...(initializer && { initializer: buildExpression(initializer, building) }),
        span,
      }
    }
    case 'stateStatement':
      return { kind: 'state', name: name(), ...type, initializer: value(), span }
    case 'useStatement':
      return { kind: 'use', name: name(), value: value(), span }
    case 'updateStatement':
      return { kind: 'update', name: name(), value: value(), span }
    case 'returnStatement':
      return { kind: 'return', value: value(), span }
    case 'whenStatement':
      return buildWhen(part, building)
    case 'yieldStatement': {
      const yielded = optionalNode(part, 'value')
      return {
        kind: 'yield',
        ...(yielded && { value: buildExpression(yielded, building) }),
        carry: nodes(part, 'carried').map((carried) => buildExpression(carried, building)),
        span,
      }
    }
    case 'lossStatement':
      return { kind: 'loss', value: value(), span }
    case 'metricStatement':
      return { kind: 'metric', name: name(), value: value(), span }
    case 'totalStatement':
      return { kind: 'total', name: name(), value: value(), span }
    case 'collectStatement':
      return { kind: 'collect', call: buildOperand(node(part, 'operand'), building), span }
    case 'traitStatement':
      return {
        kind: 'trait',
        trait: token(part, 'trait').image as TraitStatement['trait'],
        value: nameOf(file, token(part, 'value')),
        span,
      }
    case 'optimizerStatement':
    case 'penaltyStatement': {
      const kind = label === 'optimizerStatement' ? 'optimizer' : 'penalty'
      const pattern = optionalToken(part, 'pattern')
      return { kind, call: value(), ...(pattern && { pattern: buildString(pattern, building) }), span }
    }
    case 'settingStatement':
      return {
        kind: 'setting',
        setting: token(part, 'setting').image as SettingStatement['setting'],
        value: buildBinary(node(part, 'binary'), building),
        ...(part.children.Streams && { streams: true }),
        span,
      }
    case 'stopStatement':
      return buildStop(part, building)
    case 'freezeStatement': {
      const except = optionalToken(part, 'except')
      return {
        kind: 'freeze',
        pattern: buildString(token(part, 'pattern'), building),
        ...(except && { except: buildString(except, building) }),
        span,
      }
    }
    case 'clipStatement':
      return { kind: 'clip', call: value(), span }
    case 'averageStatement':
      return { kind: 'average', call: value(), span }
    default:
      throw new Error(`internal: parse: no statement is called ${label}`)
  }
}

/** The block after `else` in `else when …` is that one statement, with no braces of its own. */
function buildWhen(tree: CstNode, building: Building): WhenStatement {
  const [body, otherwise] = nodes(tree, 'block')
  const chained = optionalNode(tree, 'whenStatement')
  const next = chained && buildWhen(chained, building)
  return {
    kind: 'when',
    condition: buildExpression(node(tree, 'expression'), building),
    body: buildBlock(required(body), building),
    ...(otherwise && { otherwise: buildBlock(otherwise, building) }),
    ...(next && { otherwise: { statements: [next], span: next.span } }),
    span: nodeSpan(building.file, tree),
  }
}

function buildPattern(tree: CstNode, building: Building): LetStatement['pattern'] {
  const { file } = building
  if (tree.children.LeftParenthesis) {
    const start = tokenSpan(file, token(tree, 'LeftParenthesis')).start
    const end = tokenSpan(file, token(tree, 'RightParenthesis')).end
    return { kind: 'tuple', names: tokens(tree, 'item').map((item) => nameOf(file, item)), span: { file, start, end } }
  }
  const name = nameOf(file, token(tree, 'name'))
  const index = optionalNode(tree, 'index')
  if (index === undefined) return { kind: 'name', name }
  const indices = binders(buildSubscripts(index, building, 0))
  if (indices === undefined) {
    building.report(
      'NN0119',
      nodeSpan(file, index),
      'on the left of `=` brackets hold names of new indices',
      `write \`let ${name.text}[i, j] = …\``,
    )
    throw new Damaged('index pattern')
  }
  return { kind: 'indexed', name, indices }
}

function buildStop(tree: CstNode, building: Building): StopStatement {
  const { file } = building
  const name = nameOf(file, token(tree, 'name'))
  const target = { kind: 'name', name: name.text, span: name.span } as const
  const part = optionalToken(tree, 'member')
  const member = part && nameOf(file, part)
  return {
    kind: 'stop',
    metric:
      member === undefined
        ? target
        : { kind: 'member', target, member, span: { file, start: name.span.start, end: member.span.end } },
    epochs: buildBinary(node(tree, 'binary'), building),
    span: nodeSpan(file, tree),
  }
}
