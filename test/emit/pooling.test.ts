import { beforeAll, describe, expect, test } from 'vitest'
import type { Call } from '../../compiler/5-fuse/program.ts'
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

/**
 * A convolution whose results are pooled: its sizes, whether the gradient to its filter takes only what the pooling chose, and whether the pooling
 * is done as its results are.
 */
const convolutions = [
  { name: 'one_channel', x: [1, 14, 12], filters: 5, taps: [3, 3], pool: [2, 2], chosen: true, pools: true },
  { name: 'channels', x: [6, 9, 14], filters: 7, taps: [3, 3], pool: [2, 2], chosen: true, pools: true },
  { name: 'channels_odd', x: [5, 11, 10], filters: 9, taps: [3, 3], pool: [2, 2], chosen: true, pools: true },
  { name: 'long_rows', x: [2, 9, 43], filters: 3, taps: [3, 3], pool: [2, 2], chosen: true, pools: true },
  { name: 'larger_filter', x: [3, 13, 9], filters: 4, taps: [5, 5], pool: [2, 2], chosen: true, pools: true },
  { name: 'long_sums', x: [6, 13, 9], filters: 4, taps: [5, 5], pool: [2, 2], chosen: true, pools: false },
  { name: 'short_rows', x: [2, 13, 6], filters: 4, taps: [3, 3], pool: [2, 2], chosen: true, pools: false },
  { name: 'larger_windows', x: [4, 13, 13], filters: 6, taps: [3, 3], pool: [3, 4], chosen: true, pools: false },
  { name: 'few_windows', x: [4, 6, 6], filters: 6, taps: [3, 3], pool: [3, 3], chosen: false, pools: false },
  { name: 'short_windows', x: [4, 12, 12], filters: 6, taps: [3, 3], pool: [1, 2], chosen: false, pools: false },
] as const

/** Filters before images, and groups. */
const arranged = `
fn turned_windows(y: f32[5, Batch, 8, 12]) -> f32[5, Batch, 4, 2, 6, 2] {
  let v[o, b, i, p, j, q] = y[o, b, 2 * i + p, 2 * j + q]
  return v
}
infer turned(x: f32[Batch, 4, 8, 12], w: f32[5, 4, 3, 3]) -> f32[5, Batch, 4, 6] {
  let y[o, b, i, j]: f32[5, Batch, 8, 12] = sum[c, p, q]((x[b, c, i + p - 1, j + q - 1] ?? 0.0) * w[o, c, p, q])
  let v = turned_windows(y)
  let z[o, b, i, j] = max[p, q](v[o, b, i, p, j, q])
  return z
}
fn grouped_windows(y: f32[Batch, 3, 2, 8, 10]) -> f32[Batch, 3, 2, 4, 2, 5, 2] {
  let v[b, g, o, i, p, j, q] = y[b, g, o, 2 * i + p, 2 * j + q]
  return v
}
infer grouped(x: f32[Batch, 6, 8, 10], w: f32[3, 2, 2, 3, 3]) -> f32[Batch, 3, 2, 4, 5] {
  let y[b, g, o, i, j]: f32[Batch, 3, 2, 8, 10] = sum[c, p, q]((x[b, 2 * g + c, i + p - 1, j + q - 1] ?? 0.0) * w[g, o, c, p, q])
  let v = grouped_windows(y)
  let z[b, g, o, i, j] = max[p, q](v[b, g, o, i, p, j, q])
  return z
}
fn twice_read_windows(y: f32[Batch, 5, 8, 12]) -> f32[Batch, 5, 4, 2, 6, 2] {
  let v[b, o, i, p, j, q] = y[b, o, 2 * i + p, 2 * j + q]
  return v
}
infer twice_read(x: f32[Batch, 4, 8, 12], w: f32[5, 4, 3, 3]) -> f32[Batch, 5, 4, 6] {
  let y[b, o, i, j]: f32[Batch, 5, 8, 12] = sum[c, p, q]((x[b, c, i + p - 1, j + q - 1] ?? 0.0) * w[o, c, p, q])
  let v = twice_read_windows(y)
  let z[b, o, i, j] = max[p, q](v[b, o, i, p, j, q]) + y[b, o, 2 * i, 2 * j]
  return z
}
`

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
infer ${name}_value(${types}) -> f32[Batch, ${filters}, ${rows}, ${columns}] {
  return ${name}(x, w)
}
infer ${name}_filter(${types}, g: f32[Batch, ${filters}, ${rows}, ${columns}]) -> f32[${[filters, channels, ...taps].join(', ')}] {
  return gradient(sum(${name}(x, w) * g), w)
}
infer ${name}_input(${types}, g: f32[Batch, ${filters}, ${rows}, ${columns}]) -> f32[Batch, ${x.join(', ')}] {
  return gradient(sum(${name}(x, w) * g), x)
}
`
}

describe.each(['plain', 'relaxed', 'wide'] as const)('pooling in index notation, %s build', (build) => {
  let programs: WindowedPrograms
  beforeAll(async () => {
    programs = await compileWindowed(
      `dim Batch in 1..5\n${helpers}${arranged}${[...cases.map(sourceOf), ...convolutions.map(pooledConvolution)].join('')}`,
      build,
    )
  }, 120_000)

  const callsOf = (name: string): readonly Call[] =>
    programs.runner.program.entries.find((entry) => entry.name === name)!.calls

  test.each(cases)('$name', ({ name, as }) => {
    for (const kind of ['value', 'gradient', 'second']) {
      const ops = programs.graph(`${name}_${kind}`).nodes.map(({ op }) => op)
      expect(ops, `${name}_${kind}`).toContain(kind === 'gradient' && as === 'pool_max' ? 'pool_max_gradient' : as)
      programs.check(`${name}_${kind}`)
    }
  })

  test.each(convolutions)('the gradient to the filter of a pooled convolution: $name', ({ name, chosen }) => {
    for (const operand of ['filter', 'input']) programs.check(`${name}_${operand}`)
    const calls = callsOf(`${name}_filter`)
    const methods = calls.flatMap((call) => (call.kind === 'convolution' ? [call.method.kind] : []))
    expect(methods.includes('pooled')).toBe(chosen)
    expect(calls.some(({ kind }) => kind === 'pool_max_gradient')).toBe(!chosen)
  })

  const librariesOf = (name: string): readonly string[] =>
    callsOf(name).flatMap(({ kind }) => (kind === 'kernel' ? [] : [kind]))

  test.each(convolutions)('the pooling of a convolution as its results are computed: $name', ({ name, pools }) => {
    programs.check(`${name}_value`)
    expect(librariesOf(`${name}_value`)).toEqual(pools ? ['convolution'] : ['convolution', 'pool_max'])
  })

  test.each(['turned', 'grouped'])('the same where planes lie otherwise: %s', (name) => {
    programs.check(name)
    expect(librariesOf(name)).toEqual(['convolution'])
  })

  test('results that something else reads are written', () => {
    programs.check('twice_read')
    expect(librariesOf('twice_read')).toEqual(['convolution', 'pool_max'])
  })

  test('bias and relu follow the pooling; nothing as large as the windows is kept', () => {
    const { program } = programs.runner
    const calls = (name: string) => callsOf(name).map(({ kind }) => kind)
    expect(calls('behind_relu_value')).toEqual(['pool_max', 'kernel'])
    expect(calls('overlapping_gradient')).toEqual(['pool_max', 'pool_max_gradient', 'kernel'])
    const windows = 4 * 5 * 2 * 4 * 3 * 6 * 3
    for (const { name, bytes } of program.buffers.filter((buffer) => /overlapping_(value|gradient)/.test(buffer.name)))
      expect(bytes, name).toBeLessThan(windows)
  })
})
