import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import { EvaluationError, interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { GraphSyntaxError, readGraph } from '../../compiler/3-graph/read.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { add, floorDivide, multiply, symbol } from '../../compiler/dimensions/dimension.ts'
import { ShapeError } from '../../compiler/ops/definition.ts'
import { expressions } from '../../compiler/ops/expressions.ts'

const heading = `graph "g" infer\ndim Batch in 1..8\n`
const x = '%0: f32[Batch, 3] = input() {name: "x", type: f32[Batch, 3]}\n'

describe('the verifier', () => {
  const wrong: Record<string, [text: string, message: string]> = {
    'a late operand': [`${heading}${x}%1: f32[Batch, 3] = neg(%1)\n`, 'operand %1 does not come before'],
    'a wrong number': [`${heading}${x}%2: f32[Batch, 3] = neg(%0)\n`, 'node 1 is numbered 2'],
    'a wrong type': [`${heading}${x}%1: f32[Batch, 4] = neg(%0)\n`, 'the type should be f32[Batch, 3]'],
    'a wrong arity': [`${heading}${x}%1: f32[Batch, 3] = add(%0)\n`, 'add takes 2 operands, not 1'],
    'a wrong dtype': [`${heading}${x}%1: f32[Batch, 3] = not(%0)\n`, 'not takes bool, not f32[Batch, 3]'],
    'operands of two shapes': [
      `${heading}${x}%1: f32[3] = input() {name: "y", type: f32[3]}\n%2: f32[Batch, 3] = add(%0, %1)\n`,
      'add takes operands of one shape, not [Batch, 3] and [3]',
    ],
    'a slice outside': [
      `${heading}${x}%1: f32[Batch, 2] = slice(%0) {size: [Batch, 2], start: [0, 2], stride: [1, 1]}\n`,
      'slice needs the end on axis 1, 4 to be at most 3',
    ],
    'a reshape of another size': [
      `${heading}${x}%1: f32[7] = reshape(%0) {shape: [7]}\n`,
      'reshape keeps the number of elements, but f32[Batch, 3] has 3 * Batch and the new shape 7',
    ],
    'a name of two types': [
      `${heading}${x}%1: f32[3] = input() {name: "x", type: f32[3]}\n`,
      'input x is f32[Batch, 3]',
    ],
    'a missing output': [`${heading}${x}output "y" = %5\n`, 'output y is the missing node %5'],
    'two outputs of a name': [`${heading}${x}output "y" = %0\noutput "y" = %0\n`, 'there are two outputs y'],
    'an undeclared dimension': [`graph "g" infer\n${x}`, 'the dimension Batch is not declared'],
    'a limit without its input': [`${heading}${x}limit "z" < 3\n`, 'a limit names the missing input z'],
    'an update of another type': [`${heading}${x}update "v" = %0\n`, 'v is f32[3], but its update is f32[Batch, 3]'],
    'an undeclared variable': [
      `${heading}${x}%1: f32 = variable() {name: "u", type: f32}\n`,
      'variable u is not declared',
    ],
  }
  test.each(Object.entries(wrong))('finds %s', (_, [text, message]) => {
    const variables = [{ name: 'v', kind: 'state' as const, type: { dtype: 'f32' as const, shape: [3] } }]
    expect(() => verifyGraph(readGraph(text), variables)).toThrow(/^internal: verify: graph g: /)
    expect(() => verifyGraph(readGraph(text), variables)).toThrow(message)
  })
})

describe('the verifier of loops', () => {
  const scanOf = (body: string, attributes = 'carries: 1, elements: 1, length: 4, reverse: false'): string =>
    `graph "g" infer
%0: f32[3] = input() {name: "first", type: f32[3]}
%1: f32[4, 3] = input() {name: "x", type: f32[4, 3]}
%2: f32[3] = scan(%0, %1) {${attributes}}
  graph "body" infer
${body.replace(/^/gm, '  ')}
%3: f32[3] = result(%2) {index: 0}
output "y" = %3
`
  const carry = '%0: f32[3] = input() {name: "carry0", type: f32[3]}\n'
  const element = '%1: f32[3] = input() {name: "element0", type: f32[3]}\n'
  const sum = '%2: f32[3] = add(%0, %1)\n'
  const next = 'output "carry0" = %2'
  const right = scanOf(carry + element + sum + next)
  test('takes a right one', () => {
    verifyGraph(readGraph(right))
    expect(printGraph(readGraph(right))).toBe(right)
  })

  const wrong: Record<string, [text: string, message: string]> = {
    'a missing input': [
      scanOf(`${carry}%1: f32[3] = neg(%0)\n${sum}${next}`),
      'the body of scan has no input element0',
    ],
    'an input of another type': [
      scanOf(`${carry}${element.replaceAll('[3]', '[2]')}%2: f32[3] = neg(%0)\n${next}`),
      'element0 of scan is f32[3], but f32[2] in its body',
    ],
    'an input that is no operand': [
      scanOf(`${carry}${element}${sum}%3: f32 = input() {name: "outside0", type: f32}\n${next}`),
      'the body of scan has inputs that are no operands',
    ],
    'a carry that changes type': [
      scanOf(`${carry}${element}%2: f32[1, 3] = reshape(%1) {shape: [1, 3]}\n${next}`),
      'carry0 of scan starts as f32[3] and becomes f32[1, 3]',
    ],
    'outputs of other names': [scanOf(`${carry}${element}${sum}output "next" = %2`), 'has the outputs next'],
    'elements of another length': [
      scanOf(carry + element + sum + next, 'carries: 1, elements: 1, length: 5, reverse: false'),
      'an element of a scan of 5 steps has as many entries, not f32[4, 3]',
    ],
    'too few operands': [
      scanOf(carry + element + sum + next, 'carries: 2, elements: 1, length: 4, reverse: false'),
      'scan has fewer operands than carries and elements',
    ],
    'a result there is not': [right.replace('index: 0', 'index: 1'), 'scan has no result 1'],
    'a result of no loop': [right.replace('result(%2)', 'result(%0)'), 'result takes a scan or an iterate, not input'],
    'a loop used as a value': [right.replace('result(%2) {index: 0}', 'neg(%2)'), 'a loop is read only by result'],
    'a loop that leaves the graph': [
      right.replace('"y" = %3', '"y" = %2'),
      'output y is a loop, not one of its results',
    ],
    'a fault inside': [
      scanOf(`${carry}${element}%2: f32[3] = add(%0, %9)\n${next}`),
      'operand %9 does not come before',
    ],
    'a variable inside': [
      scanOf(`${carry}${element}${sum}%3: f32 = variable() {name: "w", type: f32}\n${next}`),
      'there is a variable in the body',
    ],
    'random numbers inside': [
      scanOf(`${carry}${element}${sum}%3: f32[3] = uniform() {shape: [3], site: 1}\n${next}`),
      'there is a uniform in the body',
    ],
  }
  test.each(Object.entries(wrong))('finds %s', (_, [text, message]) => {
    expect(() => verifyGraph(readGraph(text))).toThrow(/^internal: verify: graph (g|body): /)
    expect(() => verifyGraph(readGraph(text))).toThrow(message)
  })
})

describe('the text form', () => {
  test('reads back dimensions, numbers, limits and source places', () => {
    const [height, width] = [symbol('Height'), symbol('Width')]
    const span = { file: 'a "b".nn', start: 3, end: 9 }
    const builder = new GraphBuilder({
      name: 'fit.step',
      kind: 'step',
      dims: ['Height', 'Width'].map((name) => ({ name, minimum: 1, maximum: 9 })),
      limits: [{ input: 'n', limit: multiply(height, 2) }],
    })
    builder.span = span
    const build = expressions(builder)
    const half = floorDivide(add(multiply(multiply(height, width), 3), -1), 2)
    const n = build.input('n', { dtype: 'f32', shape: [half, add(width, 1)] })
    const values = [-0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e-30, -2.5e20, 7]
    const updates = values.map((value, at) => ({ variable: `v/${at}`, node: build.constant(value) }))
    const graph = builder.finish([{ name: 'n', node: build.pad(n, [half, 0], [0, width], -0.5) }], updates)
    const text = printGraph(graph, { spans: true })
    expect(readGraph(text)).toEqual(graph)
    expect(graph.nodes.every((node) => node.span === span)).toBe(true)
    expect(printGraph(readGraph(text), { spans: true })).toBe(text)
    expect(printGraph(graph)).not.toContain('.nn')
  })

  test('names the line that cannot be read', () => {
    expect(() => readGraph(`${heading}${x}%1: f32 = frobnicate(%0)\n`)).toThrow(GraphSyntaxError)
    expect(() => readGraph(`${heading}${x}%1: f32 = frobnicate(%0)\n`)).toThrow('line 4: expected the name of an op')
    expect(() => readGraph(x)).toThrow('no line that begins with graph')
    expect(() => readGraph(`${heading}%0: f32[1.5] = neg(%0)`)).toThrow('line 3: expected a whole number')
  })
})

describe('the builder', () => {
  test('merges equal nodes whatever their place, and drops what nothing needs', () => {
    const builder = new GraphBuilder({ name: 'g', kind: 'infer', dims: [{ name: 'Batch', minimum: 1, maximum: 8 }] })
    const build = expressions(builder)
    const input = build.input('x', { dtype: 'f32', shape: [symbol('Batch'), 3] })
    const unused = build.input('unused', { dtype: 'f32', shape: [2] })
    const first = build.exp(input)
    builder.span = { file: 'f', start: 0, end: 1 }
    expect(build.exp(input)).toBe(first)
    expect(build.constant(0)).not.toBe(build.constant(-0))
    expect(build.constant(1, 'i32')).not.toBe(build.constant(1))
    build.sin(first)
    const graph = builder.finish([{ name: 'y', node: build.neg(first) }], [])
    expect(graph.nodes.map((node) => node.op)).toEqual(['input', 'input', 'exp', 'neg'])
    expect(graph.nodes[2]!.span).toBeUndefined()
    expect(graph.nodes[3]!.span).toBeDefined()
    expect(() => build.add(input, unused)).toThrow(ShapeError)
    verifyGraph(graph)
  })
})

describe('the interpreter', () => {
  test('names what it cannot take', () => {
    const graph = readGraph(`${heading}%0: i32[Batch] = input() {name: "ids", type: i32[Batch]}
%1: i32[Batch] = bounded(%0) {limit: 4}
output "y" = %1
`)
    const dims = { Batch: 2 }
    expect([...interpret(graph, { dims, inputs: { ids: [0, 3] } }).outputs.y!.data]).toEqual([0, 3])
    expect(() => interpret(graph, { dims, inputs: { ids: [0, 4] } })).toThrow(EvaluationError)
    expect(() => interpret(graph, { dims, inputs: { ids: [0, 4] } })).toThrow('4 is not an index below 4')
    expect(() => interpret(graph, { dims, inputs: { ids: [-1, 0] } })).toThrow('-1 is not an index')
    expect(() => interpret(graph, { dims, inputs: {} })).toThrow('input ids has no value')
    expect(() => interpret(graph, { dims, inputs: { ids: [1] } })).toThrow('takes 2 elements')
  })
})
