/** Concrete to abstract syntax: declarations and signatures. What is damaged is left out; its error is known already. */
import { suggest } from '../diagnostics/suggest.ts'
import type {
  CallableDeclaration,
  DataDeclaration,
  DataStatement,
  Declaration,
  Expression,
  GivenGradient,
  LoadConversion,
  LoadDeclaration,
  Name,
  Parameter,
  Range,
  ResultType,
  ShapeItem,
  TypeExpression,
} from './ast.ts'
import {
  type Building,
  buildBinary,
  buildExpression,
  buildNumber,
  buildOperand,
  buildString,
} from './build-expression.ts'
import { eachUndamaged } from './build-statement.ts'
import type { CstNode } from './toolkit.ts'
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

/** @param documentation the `///` comment above the declaration */
export function buildDeclaration(tree: CstNode, building: Building, documentation?: string): Declaration | undefined {
  try {
    return declaration(tree, building, documentation === undefined ? {} : { documentation })
  } catch (problem) {
    if (problem instanceof Damaged) return undefined
    throw problem
  }
}

function declaration(tree: CstNode, building: Building, doc: { documentation?: string }): Declaration {
  const { file } = building
  const [label, elements] = required(Object.entries(tree.children)[0])
  const part = node(tree, label)
  if (elements === undefined) throw new Damaged(label)
  const span = nodeSpan(file, part)
  switch (label) {
    case 'importDeclaration':
      return {
        kind: 'import',
        names: nodes(part, 'importName').map((item) => {
          const alias = optionalToken(item, 'alias')
          return { name: nameOf(file, token(item, 'name')), ...(alias && { alias: nameOf(file, alias) }) }
        }),
        path: buildString(token(part, 'StringText'), building),
        span,
      }
    case 'dimDeclaration':
      return { kind: 'dim', name: declaredName(part, building), ...buildRange(part, building), ...doc, span }
    case 'constDeclaration': {
      const value = buildExpression(node(part, 'expression'), building)
      return { kind: 'const', name: declaredName(part, building), value, ...doc, span }
    }
    case 'hyperDeclaration':
      return {
        kind: 'hyper',
        name: declaredName(part, building),
        value: buildExpression(node(part, 'expression'), building),
        ...buildRange(part, building),
        scale: part.children.Log ? 'log' : 'linear',
        ...doc,
        span,
      }
    case 'callableDeclaration':
      return { ...buildCallable(part, building), ...doc, span }
    case 'trainDeclaration': {
      const head = undamaged(node(part, 'trainHead'))
      const data = optionalToken(head, 'data')
      return {
        kind: 'train',
        name: declaredName(head, building),
        inputs: buildParameters(node(head, 'parameters'), building),
        ...(data && { data: nameOf(file, data) }),
        body: building.block(node(part, 'block')),
        ...doc,
        span,
      }
    }
    case 'inferDeclaration': {
      const head = undamaged(node(part, 'inferHead'))
      return {
        kind: 'infer',
        name: declaredName(head, building),
        inputs: buildParameters(node(head, 'parameters'), building),
        ...buildResult(head, building),
        body: building.block(node(part, 'block')),
        ...doc,
        span,
      }
    }
    case 'dataDeclaration':
      return { ...buildData(part, building), ...doc, span }
    case 'loadDeclaration':
      return { ...buildLoad(part, building), ...doc, span }
    default:
      throw new Error(`internal: parse: no declaration is called ${label}`)
  }
}

function undamaged(tree: CstNode): CstNode {
  if (tree.recoveredNode) throw new Damaged('damaged head')
  return tree
}

function declaredName(tree: CstNode, building: Building): Name {
  return nameOf(building.file, token(tree, 'Identifier'))
}

function buildRange(tree: CstNode, building: Building): { range?: Range } {
  const range = optionalNode(tree, 'range')
  if (range === undefined) return {}
  const from = buildBinary(node(range, 'from'), building)
  const to = buildBinary(node(range, 'to'), building)
  return { range: { from, to, span: { file: building.file, start: from.span.start, end: to.span.end } } }
}

function buildCallable(tree: CstNode, building: Building): Omit<CallableDeclaration, 'span'> {
  const head = node(tree, 'callableHead')
  const [main, formula] = nodes(tree, 'block')
  const body = building.block(required(main))
  const gradientHead = optionalNode(tree, 'gradientHead')
  const gradient = gradientHead && buildGradient(gradientHead, required(formula), building)
  undamaged(head)
  const lists = nodes(head, 'parameters').map((list) => buildParameters(list, building))
  const [first, second] = lists
  const inputs = second ?? required(first)
  return {
    kind: token(head, 'keyword').image as CallableDeclaration['kind'],
    name: declaredName(head, building),
    config: second === undefined ? [] : required(first),
    inputs,
    ...buildResult(head, building),
    where: nodes(head, 'expression').map((condition) => buildExpression(condition, building)),
    body,
    ...(gradient && { gradient }),
  }
}

function buildGradient(head: CstNode, block: CstNode, building: Building): GivenGradient {
  const body = building.block(block)
  const { start } = nodeSpan(building.file, undamaged(head))
  return {
    cotangent: nameOf(building.file, token(head, 'Identifier')),
    body,
    span: { file: building.file, start, end: body.span.end },
  }
}

function buildParameters(tree: CstNode, building: Building): Parameter[] {
  return nodes(tree, 'parameter').map((parameter) => {
    const type = optionalNode(parameter, 'type')
    const value = optionalNode(parameter, 'expression')
    return {
      name: nameOf(building.file, token(parameter, 'Identifier')),
      ...(type && { type: buildType(type, building) }),
      ...(value && { value: buildExpression(value, building) }),
      span: nodeSpan(building.file, parameter),
    }
  })
}

/** What other languages call them. */
const foreignTypes = new Map([
  ['float32', 'f32'],
  ['f64', 'f32'],
  ['float64', 'f32'],
  ['double', 'f32'],
  ['int32', 'i32'],
  ['i64', 'i32'],
  ['int64', 'i32'],
  ['boolean', 'bool'],
  ['str', 'string'],
])
const typeNames = ['f32', 'i32', 'bool', 'int', 'float', 'string'] as const

export function buildType(tree: CstNode, building: Building): TypeExpression {
  const { file } = building
  const word = token(tree, 'Identifier')
  const span = nodeSpan(file, tree)
  const name = typeNames.find((candidate) => candidate === word.image)
  if (name === undefined) {
    const near = foreignTypes.get(word.image.toLowerCase()) ?? suggest(word.image, typeNames)
    building.report(
      'NN0116',
      tokenSpan(file, word),
      `there is no type \`${word.image}\``,
      near === undefined
        ? `types are ${typeNames.map((type) => `\`${type}\``).join(', ')}`
        : `did you mean \`${near}\`?`,
    )
    throw new Damaged('unknown type')
  }
  if (name === 'f32' || name === 'i32' || name === 'bool') {
    return {
      kind: 'tensor',
      dtype: name,
      shape: nodes(tree, 'shapeItem').map((item) => buildShapeItem(item, building)),
      span,
    }
  }
  if (tree.children.LeftBracket) {
    building.report(
      'NN0116',
      span,
      `\`${name}\` is a single value known when compiled and has no shape`,
      'tensors are of `f32`, `i32` or `bool`',
    )
    throw new Damaged('shape of a scalar')
  }
  return { kind: 'scalar', name, span }
}

function buildShapeItem(tree: CstNode, building: Building): ShapeItem {
  const span = nodeSpan(building.file, tree)
  if (tree.children.Ellipsis) return { kind: 'ellipsis', span }
  return { kind: 'dimension', value: buildBinary(node(tree, 'binary'), building), span }
}

function buildResult(tree: CstNode, building: Building): { result?: ResultType } {
  const result = optionalNode(tree, 'result')
  if (result === undefined) return {}
  const items = nodes(result, 'resultItem')
  const extent = nodeSpan(building.file, result)
  const span = { ...extent, start: extent.start + '->'.length }
  if (items.length === 0) {
    const type = buildType(node(result, 'type'), building)
    return { result: { kind: 'single', type, span: type.span } }
  }
  return {
    result: {
      kind: 'tuple',
      items: items.map((item) => {
        const name = optionalToken(item, 'Identifier')
        return { ...(name && { name: nameOf(building.file, name) }), type: buildType(node(item, 'type'), building) }
      }),
      span: { ...span, start: tokenSpan(building.file, token(result, 'LeftParenthesis')).start },
    },
  }
}

function buildData(tree: CstNode, building: Building): Omit<DataDeclaration, 'span'> {
  const statements: DataStatement[] = []
  eachUndamaged(nodes(tree, 'dataStatement'), 'data', building, (statement) => {
    statements.push(buildDataStatement(statement, building))
  })
  return { kind: 'data', name: declaredName(tree, building), statements }
}

function buildDataStatement(tree: CstNode, building: Building): DataStatement {
  const { file } = building
  const span = nodeSpan(file, tree)
  const field = optionalToken(tree, 'field')
  if (field !== undefined) {
    return { kind: 'field', name: nameOf(file, field), value: buildExpression(node(tree, 'value'), building), span }
  }
  if (tree.children.Split) {
    const seed = optionalToken(tree, 'NumberText')
    return {
      kind: 'split',
      parts: nodes(tree, 'splitPart').map((part) => ({
        role: token(part, 'role').image as 'train' | 'valid' | 'test',
        percent: buildNumber(token(part, 'NumberText'), building).value,
        span: nodeSpan(file, part),
      })),
      ...splitManner(tree, building),
      ...(seed && { seed: buildNumber(seed, building) }),
      span,
    }
  }
  if (tree.children.condition)
    return { kind: 'where', condition: buildExpression(node(tree, 'condition'), building), span }
  const [drop] = nodes(tree, 'dropStatement')
  if (drop) {
    const what = token(drop, 'what').image as 'missing' | 'duplicates'
    return { kind: 'drop', what, columns: nodes(drop, 'operand').map((item) => buildOperand(item, building)), span }
  }
  const role = token(tree, 'role').image as 'source' | 'valid' | 'test'
  const call = buildOperand(node(tree, 'operand'), building)
  if (call.kind !== 'call') {
    building.report(
      'NN0118',
      call.span,
      `\`${role}\` names a reader and its files`,
      `write \`${role} csv("table.csv")\` or \`${role} idx("images.gz", "labels.gz")\``,
    )
    throw new Damaged('source')
  }
  return { kind: 'source', role, call, span }
}

function splitManner(
  tree: CstNode,
  building: Building,
): Pick<Extract<DataStatement, { kind: 'split' }>, 'manner'> | undefined {
  const [manner] = nodes(tree, 'splitManner')
  if (!manner) return undefined
  const operand = (tree: CstNode | undefined, label: string): Expression | undefined => {
    const [found] = tree ? nodes(tree, label) : []
    return found && buildOperand(found, building)
  }
  const stratum = operand(manner, 'stratum')
  if (stratum) return { manner: { kind: 'stratified', by: stratum } }
  const by = operand(manner, 'group')
  const [order] = nodes(manner, 'splitOrder')
  if (by && !order) return { manner: { kind: 'grouped', by } }
  const of = operand(order, 'key')
  return { manner: { kind: 'in order', ...(of && { of }), ...(by && { by }) } }
}

function buildLoad(tree: CstNode, building: Building): Omit<LoadDeclaration, 'span'> {
  const rules: LoadDeclaration['rules'][number][] = []
  eachUndamaged(nodes(tree, 'loadRule'), 'load', building, (rule) => {
    const from = optionalToken(rule, 'from')
    const to = optionalToken(rule, 'to')
    const pattern = optionalToken(rule, 'pattern')
    const conversion = optionalNode(rule, 'loadConversion')
    const span = nodeSpan(building.file, rule)
    if (pattern !== undefined) {
      const kind = token(rule, 'rule').image as 'missing' | 'unused'
      rules.push({ kind, pattern: buildString(pattern, building), span })
    }
    if (from !== undefined && to !== undefined) {
      rules.push({
        kind: 'map',
        from: buildString(from, building),
        to: buildString(to, building),
        ...(conversion && { conversion: buildConversion(conversion, building) }),
        span,
      })
    }
  })
  return {
    kind: 'load',
    name: declaredName(tree, building),
    path: buildString(token(tree, 'StringText'), building),
    rules,
  }
}

function buildConversion(tree: CstNode, building: Building): LoadConversion {
  const span = nodeSpan(building.file, tree)
  if (optionalToken(tree, 'Reshape') !== undefined) return { kind: 'reshape', span }
  const order = tokens(tree, 'NumberText').map((number) => buildNumber(number, building))
  return { kind: 'transpose', ...(optionalToken(tree, 'LeftBracket') && { order }), span }
}
