import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { fuse } from '../../compiler/5-fuse/fuse.ts'
import { MemoryLimitError } from '../../compiler/5-fuse/memory-limit.ts'
import type { Program } from '../../compiler/5-fuse/program.ts'
import { emit } from '../../compiler/6-emit/emit.ts'
import { symbol } from '../../compiler/dimensions/dimension.ts'
import { expressions } from '../../compiler/ops/expressions.ts'
import { environmentFor } from './environment.ts'
import { classifier, crossEntropy } from './networks.ts'
import { compileGraphs, difference, programOf } from './run-wasm.ts'

const domains = (name: string) => {
  if (name === 'label') return { low: 0, high: 9 }
  if (/\.[mv]$/.test(name)) return { low: 0, high: 0.1 }
  return { low: -0.5, high: 0.5 }
}
const hypers = { lr: 0.01, count: 3 }

function kernelCalls(program: Program): string[] {
  return program.entries[0]!.calls.flatMap((call) =>
    call.kind === 'kernel' ? [program.kernels[call.kernel]!.name] : [],
  )
}

describe('a step of training with dropout and Adam', () => {
  const graph = classifier({ widths: [7, 12, 5, 10], largestBatch: 17, dropout: 0.25, optimizer: 'adam' })

  test.each(['plain', 'relaxed'] as const)(
    'the %s build agrees with the interpreter at every batch size',
    async (build) => {
      const runner = await compileGraphs([graph], build, 2)
      for (const Batch of [1, 3, 4, 5, 16, 17]) {
        const environment = environmentFor(graph, { dims: { Batch }, seed: Batch, hypers, domains })
        const first = runner.run(graph, environment)
        expect(difference(first, interpret(graph, environment))).toBeUndefined()
        expect(runner.run(graph, environment)).toEqual(first)
      }
    },
  )
})

describe('what is fused', () => {
  test('a step of Adam is one kernel for weights and one for biases, in place, and scalars are one kernel', () => {
    const program = fuse(programOf([classifier({ widths: [784, 256, 128, 10], largestBatch: 128, optimizer: 'adam' })]))
    expect(
      program.kernels
        .map(({ name }) => name)
        .filter(
          (name) => name.includes('update_with_sum') || name === 'state_update' || name.startsWith('state_update_'),
        ),
    ).toEqual(['state_update_with_sum', 'state_update'])
    expect(program.kernels.filter((kernel) => kernel.class === 'scalar')).toHaveLength(1)
    const { calls } = program.entries[0]!
    expect(calls.filter(({ kind }) => kind === 'copy')).toHaveLength(0)
    expect(calls.filter(({ kind }) => kind === 'product')).toHaveLength(8)
    // Scalars, two rectified layers and their gradients, softmax rows, loss, accuracy, six updates.
    expect(calls.filter(({ kind }) => kind === 'kernel')).toHaveLength(14)
    // Values whose lives do not overlap share their place.
    const arena = program.buffers.filter(({ kind }) => kind === 'arena')
    const together = arena.reduce((total, { bytes }) => total + bytes, 0)
    expect(program.memory.arena).toBeLessThan(0.6 * together)
  })

  test('softmax with cross-entropy is one pass over the rows and a mean', () => {
    const builder = new GraphBuilder({
      name: 'loss',
      kind: 'evaluate',
      dims: [{ name: 'Batch', minimum: 1, maximum: 64 }],
    })
    const e = expressions(builder)
    const batch = symbol('Batch')
    const logits = e.input('logits', { dtype: 'f32', shape: [batch, 10] })
    const label = e.input('label', { dtype: 'i32', shape: [batch] })
    const loss = crossEntropy(e, logits, label, batch, 10)
    const program = fuse(programOf([builder.finish([{ name: 'loss', node: loss }], [])]))
    expect(kernelCalls(program)).toHaveLength(2)
  })
})

describe('what stays together', () => {
  const dims = [{ name: 'Batch', minimum: 1, maximum: 64 }]
  const batch = symbol('Batch')

  test('layer normalisation is one kernel over the rows', () => {
    const builder = new GraphBuilder({ name: 'norm', kind: 'infer', dims })
    const e = expressions(builder)
    const shape = [batch, 48]
    const x = e.input('x', { dtype: 'f32', shape })
    const mean = e.scale(e.reduceSum(x, [1]), 1 / 48)
    const centred = e.sub(x, e.expand(mean, shape, [0]))
    const variance = e.scale(e.reduceSum(e.mul(centred, centred), [1]), 1 / 48)
    const y = e.mul(centred, e.expand(e.emit('rsqrt', [e.add(variance, e.like(variance, 1e-5))], {}), shape, [0]))
    const program = fuse(programOf([builder.finish([{ name: 'y', node: y }], [])]))
    expect(kernelCalls(program)).toHaveLength(1)
    // Sums stay in registers: nothing but the input and the output is touched.
    expect(program.buffers).toHaveLength(2)
  })

  test('a convolution is one product, its windows laid out once', () => {
    const builder = new GraphBuilder({ name: 'conv', kind: 'infer', dims })
    const e = expressions(builder)
    const x = e.input('x', { dtype: 'f32', shape: [batch, 3, 8, 8] })
    const w = e.input('w', { dtype: 'f32', shape: [5, 3, 3, 3] })
    const rows = e.window(x, { axis: 2, count: 6, size: 3, stride: 1, dilation: 1 })
    const windows = e.window(rows, { axis: 4, count: 6, size: 3, stride: 1, dilation: 1 })
    const contracted = [[1, 1] as const, [3, 2] as const, [5, 3] as const]
    const y = e.contract(windows, w, { batch: [], contracted })
    const program = fuse(programOf([builder.finish([{ name: 'y', node: y }], [])]))
    const { calls } = program.entries[0]!
    expect(calls.map(({ kind }) => kind)).toEqual(['kernel', 'product'])
    expect(calls[1]).toMatchObject({ k: 27, n: 5, loops: [] })
  })

  test('a product is written in the order its reader wants, from operands where they lie', () => {
    const builder = new GraphBuilder({ name: 'transposed', kind: 'infer', dims })
    const e = expressions(builder)
    const x = e.input('x', { dtype: 'f32', shape: [batch, 12] })
    const dy = e.input('dy', { dtype: 'f32', shape: [batch, 7] })
    const y = e.permute(e.contract(x, dy, { batch: [], contracted: [[0, 0]] }), [1, 0])
    const program = fuse(programOf([builder.finish([{ name: 'y', node: y }], [])]))
    expect(program.entries[0]!.calls.map(({ kind }) => kind)).toEqual(['product'])
  })
})

describe('updates read the values from before', () => {
  const type = { dtype: 'f32', shape: [9] } as const

  test('variables exchange their values, rotate, and shift', async () => {
    const builder = new GraphBuilder({ name: 'exchange', kind: 'step', dims: [] })
    const e = expressions(builder)
    const [a, b] = [e.variable('a', type), e.variable('b', type)]
    const c = e.variable('c', type)
    const shifted = e.pad(e.slice(c, [0], [8]), [1], [0], 7)
    const graph: Graph = builder.finish(
      [{ name: 'old', node: a }],
      [
        { variable: 'a', node: b },
        { variable: 'b', node: e.add(a, b) },
        { variable: 'c', node: shifted },
      ],
    )
    const runner = await compileGraphs([graph])
    const environment = environmentFor(graph, { dims: {}, seed: 1 })
    expect(difference(runner.run(graph, environment), interpret(graph, environment))).toBeUndefined()
  })

  test('a value that is output and updates two variables lands in all three', async () => {
    const builder = new GraphBuilder({ name: 'spread', kind: 'step', dims: [] })
    const e = expressions(builder)
    const x = e.exp(e.input('x', type))
    const graph = builder.finish(
      [
        { name: 'y', node: x },
        { name: 'again', node: x },
      ],
      [
        { variable: 'a', node: x },
        { variable: 'b', node: x },
      ],
    )
    const runner = await compileGraphs([graph])
    const environment = environmentFor(graph, { dims: {}, seed: 2 })
    expect(difference(runner.run(graph, environment), interpret(graph, environment))).toBeUndefined()
    expect(kernelCalls(runner.program)).toHaveLength(1)
  })
})

test('a chain of 20,000 operations is cut into kernels, without deep recursion', () => {
  const builder = new GraphBuilder({ name: 'chain', kind: 'infer', dims: [] })
  const e = expressions(builder)
  const start = e.input('x', { dtype: 'f32', shape: [5] })
  let x = start
  for (let at = 0; at < 10_000; at++) x = e.add(e.tanh(x), start)
  const program = fuse(programOf([builder.finish([{ name: 'y', node: x }], [])]))
  emit(program)
  expect(program.entries[0]!.calls.length).toBeGreaterThan(50)
  // Two values alive at a time.
  expect(program.memory.arena).toBeLessThanOrEqual(3 * 64)
})

test('a program too large for a module is refused by name', () => {
  const builder = new GraphBuilder({
    name: 'large',
    kind: 'infer',
    dims: [{ name: 'Batch', minimum: 1, maximum: 2 ** 20 }],
  })
  const e = expressions(builder)
  const x = e.input('x', { dtype: 'f32', shape: [symbol('Batch'), 4096] })
  const graph = builder.finish([{ name: 'y', node: e.exp(x) }], [])
  expect(() => fuse(programOf([graph]))).toThrow(MemoryLimitError)
})

test('the manifest locates everything and the text names its kernels', () => {
  const program = fuse(programOf([classifier({ widths: [7, 12, 10], largestBatch: 9, optimizer: 'adam' })]))
  const { source, manifest } = emit(program, { compiler: '1.2.3' })
  const described = manifest('plain')
  expect(described).toMatchObject({ format: 'nnc', version: 2, compiler: '1.2.3', build: 'plain' })
  const ranges = [
    ...described.variables.map(({ offset, shape }) => ({ offset, shape })),
    ...described.entries.flatMap((entry) => [...entry.inputs, ...entry.outputs]),
  ].map(({ offset, shape }) => {
    const elements = shape.reduce<number>((count, size) => count * (typeof size === 'number' ? size : 9), 1)
    return { start: offset, end: offset + 4 * elements }
  })
  ranges.sort((a, b) => a.start - b.start)
  ranges.forEach(({ start }, at) => {
    expect(start % 64).toBe(0)
    if (at > 0) expect(start).toBeGreaterThanOrEqual(ranges[at - 1]!.end)
  })
  expect(described.entries[0]).toMatchObject({ name: 'fit.step', export: 'fit_step', dims: ['Batch'] })
  expect(source).toContain('export function fit_step(Batch: i32): void {')
})
