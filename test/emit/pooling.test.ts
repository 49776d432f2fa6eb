import { beforeAll, describe, expect, test } from 'vitest'
import { compileWindowed, type WindowedPrograms } from './windowed-programs.ts'

interface Case {
  readonly name: string
  readonly x: string
  readonly result: string
  readonly body: string
  /** What it must be compiled to. */
  readonly as: 'pool_max' | 'convolve' | 'reduce_max'
}

const tiles = 'let w = rearrange(x, [b, c, (i, p), (j, q)] -> [b, c, i, p, j, q], p = 2, q = 2)'
const helpers = `
fn inside(x: f32[Batch, 2, 9, 13]) -> f32[Batch, 2, 4, 3, 6, 3] {
  let w[b, c, i, p, j, q] = x[b, c, 2 * i + p, 2 * j + q]
  return w
}
fn around(x: f32[Batch, 2, 8, 12]) -> f32[Batch, 2, 4, 3, 6, 3] {
  let w[b, c, i, p, j, q] = x[b, c, 2 * i + p - 1, 2 * j + q - 1] ?? -inf
  return w
}`
const largest = 'let y[b, c, i, j] = max[p, q](w[b, c, i, p, j, q])'

const cases: readonly Case[] = [
  { name: 'squares', x: 'Batch, 3, 12, 18', result: 'Batch, 3, 6, 9', body: `${tiles}\n  ${largest}`, as: 'pool_max' },
  { name: 'small', x: 'Batch, 3, 6, 6', result: 'Batch, 3, 3, 3', body: `${tiles}\n  ${largest}`, as: 'pool_max' },
  {
    name: 'behind_relu',
    x: 'Batch, 3, 8, 12',
    result: 'Batch, 3, 4, 6',
    body: `let bias[c] = x[0, c, 0, 0]
  let z[b, c, i, j] = max(x[b, c, i, j] + bias[c], 0.0)
  ${tiles.replace('rearrange(x', 'rearrange(z')}
  ${largest}`,
    as: 'pool_max',
  },
  {
    name: 'overlapping',
    x: 'Batch, 2, 9, 13',
    result: 'Batch, 2, 4, 6',
    body: `let w = inside(x)\n  ${largest}`,
    as: 'pool_max',
  },
  {
    name: 'padded',
    x: 'Batch, 2, 8, 12',
    result: 'Batch, 2, 4, 6',
    body: `let w = around(x)\n  ${largest}`,
    as: 'pool_max',
  },
  {
    name: 'mean_of_squares',
    x: 'Batch, 3, 8, 10',
    result: 'Batch, 3, 4, 5',
    body: `${tiles}\n  ${largest.replace('max[', 'mean[')}`,
    as: 'convolve',
  },
  {
    name: 'whole_planes',
    x: 'Batch, 3, 8, 10',
    result: 'Batch, 3',
    body: 'let y[b, c] = max[i, j](x[b, c, i, j])',
    as: 'reduce_max',
  },
]

function sourceOf({ name, x, result, body }: Case): string {
  return `
fn ${name}(x: f32[${x}]) -> f32[${result}] {
  ${body}
  return y
}
infer ${name}_value(x: f32[${x}]) -> f32[${result}] {
  return ${name}(x)
}
infer ${name}_gradient(x: f32[${x}], g: f32[${result}]) -> f32[${x}] {
  return gradient(sum(${name}(x) * g), x)
}
infer ${name}_second(x: f32[${x}], g: f32[${result}], v: f32[${x}]) -> f32[${x}] {
  let d = gradient(sum(${name}(x) * ${name}(x) * g), x)
  return gradient(sum(d * v), x)
}
`
}

/** A convolution whose results are pooled: its sizes, and whether the gradient to its filter takes only what the pooling chose. */
const convolutions = [
  { name: 'one_channel', x: [1, 14, 12], filters: 5, taps: [3, 3], pool: [2, 2], chosen: true },
  { name: 'channels', x: [6, 9, 14], filters: 7, taps: [3, 3], pool: [2, 2], chosen: true },
  { name: 'larger_filter', x: [3, 13, 9], filters: 4, taps: [5, 5], pool: [2, 2], chosen: true },
  { name: 'larger_windows', x: [4, 13, 13], filters: 6, taps: [3, 3], pool: [3, 4], chosen: true },
  { name: 'few_windows', x: [4, 6, 6], filters: 6, taps: [3, 3], pool: [3, 3], chosen: false },
  { name: 'short_windows', x: [4, 12, 12], filters: 6, taps: [3, 3], pool: [1, 2], chosen: false },
] as const

function pooledConvolution({ name, x, filters, taps, pool }: (typeof convolutions)[number]): string {
  const [channels, ...extents] = x
  const [rows, columns] = extents.map((extent, axis) => Math.floor(extent / pool[axis]!))
  const types = `x: f32[Batch, ${x.join(', ')}], w: f32[${[filters, channels, ...taps].join(', ')}]`
  const offset = (taps[0] - 1) / 2
  return `
fn ${name}_convolved(${types}) -> f32[Batch, ${filters}, ${extents.join(', ')}] {
  let y[b, o, i, j] = sum[c, p, q]((x[b, c, i + p - ${offset}, j + q - ${offset}] ?? 0.0) * w[o, c, p, q])
  return y
}
fn ${name}_windows(y: f32[Batch, ${filters}, ${extents.join(', ')}]) -> f32[Batch, ${filters}, ${rows}, ${pool[0]}, ${columns}, ${pool[1]}] {
  let v[b, o, i, p, j, q] = y[b, o, ${pool[0]} * i + p, ${pool[1]} * j + q]
  return v
}
fn ${name}(${types}) -> f32[Batch, ${filters}, ${rows}, ${columns}] {
  let v = ${name}_windows(${name}_convolved(x, w))
  let z[b, o, i, j] = max[p, q](v[b, o, i, p, j, q])
  return z
}
infer ${name}_filter(${types}, g: f32[Batch, ${filters}, ${rows}, ${columns}]) -> f32[${[filters, channels, ...taps].join(', ')}] {
  return gradient(sum(${name}(x, w) * g), w)
}
infer ${name}_input(${types}, g: f32[Batch, ${filters}, ${rows}, ${columns}]) -> f32[Batch, ${x.join(', ')}] {
  return gradient(sum(${name}(x, w) * g), x)
}
`
}

describe.each(['plain', 'relaxed'] as const)('pooling in index notation, %s build', (build) => {
  let programs: WindowedPrograms
  beforeAll(async () => {
    programs = await compileWindowed(
      `dim Batch in 1..5\n${helpers}${[...cases.map(sourceOf), ...convolutions.map(pooledConvolution)].join('')}`,
      build,
    )
  }, 120_000)

  test.each(cases)('$name', ({ name, as }) => {
    for (const kind of ['value', 'gradient', 'second']) {
      const ops = programs.graph(`${name}_${kind}`).nodes.map(({ op }) => op)
      expect(ops, `${name}_${kind}`).toContain(kind === 'gradient' && as === 'pool_max' ? 'pool_max_gradient' : as)
      programs.check(`${name}_${kind}`)
    }
  })

  test.each(convolutions)('the gradient to the filter of a pooled convolution: $name', ({ name, chosen }) => {
    for (const operand of ['filter', 'input']) programs.check(`${name}_${operand}`)
    const calls = programs.runner.program.entries.find((entry) => entry.name === `${name}_filter`)!.calls
    const methods = calls.flatMap((call) => (call.kind === 'convolution' ? [call.method.kind] : []))
    expect(methods.includes('pooled')).toBe(chosen)
    expect(calls.some(({ kind }) => kind === 'pool_max_gradient')).toBe(!chosen)
  })

  test('bias and relu follow the pooling; nothing as large as the windows is kept', () => {
    const { program } = programs.runner
    const calls = (name: string) => program.entries.find((entry) => entry.name === name)!.calls.map(({ kind }) => kind)
    expect(calls('behind_relu_value')).toEqual(['pool_max', 'kernel'])
    expect(calls('overlapping_gradient')).toEqual(['pool_max', 'pool_max_gradient', 'kernel'])
    const windows = 4 * 5 * 2 * 4 * 3 * 6 * 3
    for (const { name, bytes } of program.buffers.filter((buffer) => /overlapping_(value|gradient)/.test(buffer.name)))
      expect(bytes, name).toBeLessThan(windows)
  })
})
