import { beforeAll, describe, expect, test } from 'vitest'
import { everyCall } from '../../compiler/5-fuse/program.ts'
import { compileWindowed, type WindowedPrograms } from './windowed-programs.ts'

interface Case {
  readonly name: string
  readonly x: string
  readonly w: string
  readonly y: string
  readonly body: string
  /** It is a plain product. */
  readonly plain?: boolean
}

/** Convolutions as people write them; sizes are odd on purpose. */
const cases: readonly Case[] = [
  {
    name: 'same3x3',
    x: 'Batch, 3, 7, 9',
    w: '5, 3, 3, 3',
    y: 'y[b, o, i, j] = sum[c, p, q]((x[b, c, i + p - 1, j + q - 1] ?? 0.0) * w[o, c, p, q])',
    body: 'Batch, 5, 7, 9',
  },
  {
    name: 'many_channels',
    x: 'Batch, 6, 9, 10',
    w: '5, 6, 3, 3',
    y: 'y[b, o, i, j] = sum[c, p, q]((x[b, c, i + p - 1, j + q - 1] ?? 0.0) * w[o, c, p, q])',
    body: 'Batch, 5, 9, 10',
  },
  {
    name: 'many_channels_valid',
    x: 'Batch, 4, 10, 14',
    w: '13, 4, 3, 3',
    y: 'y[b, o, i, j] = sum[c, p, q](x[b, c, i + p, j + q] * w[o, c, p, q])',
    body: 'Batch, 13, 8, 12',
  },
  {
    name: 'many_channels_last',
    x: 'Batch, 7, 8, 4',
    w: '3, 3, 4, 8',
    y: 'y[b, i, j, o] = sum[p, q, c]((x[b, i + p - 1, j + q - 1, c] ?? 0.0) * w[p, q, c, o])',
    body: 'Batch, 7, 8, 8',
  },
  {
    name: 'many_channels_grouped',
    x: 'Batch, 12, 8, 8',
    w: '3, 4, 4, 3, 3',
    y: 'y[b, g, o, i, j] = sum[c, p, q]((x[b, 4 * g + c, i + p - 1, j + q - 1] ?? 0.0) * w[g, o, c, p, q])',
    body: 'Batch, 3, 4, 8, 8',
  },
  {
    name: 'stride2',
    x: 'Batch, 2, 9, 14',
    w: '4, 2, 3, 3',
    y: 'y[b, o, i, j] = sum[c, p, q]((x[b, c, 2 * i + p - 1, 2 * j + q - 1] ?? 0.0) * w[o, c, p, q])',
    body: 'Batch, 4, 5, 7',
  },
  {
    name: 'valid5x5',
    x: 'Batch, 1, 12, 17',
    w: '13, 1, 5, 5',
    y: 'y[b, o, i, j] = sum[c, p, q](x[b, c, i + p, j + q] * w[o, c, p, q])',
    body: 'Batch, 13, 8, 13',
  },
  {
    name: 'dilated_wide',
    x: 'Batch, 2, 9, 21',
    w: '3, 2, 3, 3',
    y: 'y[b, o, i, j] = sum[c, p, q]((x[b, c, i + 2 * p - 2, j + 3 * q - 3] ?? 0.0) * w[o, c, p, q])',
    body: 'Batch, 3, 9, 21',
  },
  {
    name: 'stride2_dilated2',
    x: 'Batch, 2, 9, 12',
    w: '3, 2, 3, 2',
    y: 'y[b, o, i, j] = sum[c, p, q]((x[b, c, 2 * i + 2 * p - 2, 3 * j + 2 * q - 1] ?? 0.0) * w[o, c, p, q])',
    body: 'Batch, 3, 5, 4',
  },
  {
    name: 'stride3',
    x: 'Batch, 2, 10, 20',
    w: '3, 2, 4, 5',
    y: 'y[b, o, i, j] = sum[c, p, q](x[b, c, 3 * i + p, 3 * j + q] * w[o, c, p, q])',
    body: 'Batch, 3, 3, 6',
  },
  {
    name: 'one_dimensional',
    x: 'Batch, 3, 33',
    w: '4, 3, 5',
    y: 'y[b, o, i] = sum[c, p]((x[b, c, i + p - 2] ?? 0.0) * w[o, c, p])',
    body: 'Batch, 4, 33',
  },
  {
    name: 'any_length',
    x: 'Batch, 3, Time',
    w: '4, 3, 3',
    y: 'y[b, o, t] = sum[c, p]((x[b, c, t + 2 * p - 4] ?? 0.0) * w[o, c, p])',
    body: 'Batch, 4, Time',
  },
  {
    name: 'long_rows',
    x: 'Batch, 2, 3, 31',
    w: '5, 2, 3, 3',
    y: 'y[b, o, i, j] = sum[c, p, q]((x[b, c, i + p - 1, j + q - 1] ?? 0.0) * w[o, c, p, q])',
    body: 'Batch, 5, 3, 31',
  },
  {
    name: 'long_rows_stride2',
    x: 'Batch, 2, 5, 57',
    w: '5, 2, 3, 3',
    y: 'y[b, o, i, j] = sum[c, p, q]((x[b, c, 2 * i + p - 1, 2 * j + q - 1] ?? 0.0) * w[o, c, p, q])',
    body: 'Batch, 5, 3, 29',
  },
  {
    name: 'long_rows_stride3',
    x: 'Batch, 2, 7, 90',
    w: '5, 2, 3, 3',
    y: 'y[b, o, i, j] = sum[c, p, q]((x[b, c, 3 * i + p - 1, 3 * j + q - 1] ?? 0.0) * w[o, c, p, q])',
    body: 'Batch, 5, 3, 30',
  },
  {
    name: 'three_dimensional',
    x: 'Batch, 2, 4, 5, 6',
    w: '3, 2, 2, 3, 2',
    y: 'y[b, o, i, j, k] = sum[c, p, q, r](x[b, c, i + p, j + q, 2 * k + r] * w[o, c, p, q, r])',
    body: 'Batch, 3, 3, 3, 3',
  },
  {
    name: 'channels_last',
    x: 'Batch, 8, 7, 4',
    w: '3, 3, 4, 5',
    y: 'y[b, i, j, o] = sum[p, q, c]((x[b, i + p - 1, j + q - 1, c] ?? 0.0) * w[p, q, c, o])',
    body: 'Batch, 8, 7, 5',
  },
  {
    name: 'depthwise',
    x: 'Batch, 4, 9, 13',
    w: '4, 3, 3',
    y: 'y[b, c, i, j] = sum[p, q]((x[b, c, i + p - 1, j + q - 1] ?? 0.0) * w[c, p, q])',
    body: 'Batch, 4, 9, 13',
  },
  {
    name: 'depthwise_stride2',
    x: 'Batch, 3, 8, 18',
    w: '3, 3, 3',
    y: 'y[b, c, i, j] = sum[p, q]((x[b, c, 2 * i + p - 1, 2 * j + q - 1] ?? 0.0) * w[c, p, q])',
    body: 'Batch, 3, 4, 9',
  },
  {
    name: 'grouped',
    x: 'Batch, 6, 6, 6',
    w: '2, 4, 3, 3, 3',
    y: 'y[b, g, o, i, j] = sum[c, p, q]((x[b, 3 * g + c, i + p - 1, j + q - 1] ?? 0.0) * w[g, o, c, p, q])',
    body: 'Batch, 2, 4, 6, 6',
  },
  {
    name: 'patches',
    x: 'Batch, 2, 8, 12',
    w: '5, 2, 4, 4',
    y: 'y[b, o, i, j] = sum[c, p, q](x[b, c, 4 * i + p, 4 * j + q] * w[o, c, p, q])',
    body: 'Batch, 5, 2, 3',
  },
  {
    name: 'strided1x1',
    x: 'Batch, 3, 8, 6',
    w: '5, 3',
    y: 'y[b, o, i, j] = sum[c](x[b, c, 2 * i, 2 * j] * w[o, c])',
    body: 'Batch, 5, 4, 3',
  },
  {
    name: 'pointwise',
    x: 'Batch, 3, 5, 6',
    w: '4, 3, 1, 1',
    y: 'y[b, o, i, j] = sum[c, p, q](x[b, c, i + p, j + q] * w[o, c, p, q])',
    body: 'Batch, 4, 5, 6',
    plain: true,
  },
  {
    name: 'filter_first',
    x: 'Batch, 2, 19',
    w: '3, 2, 4',
    y: 'y[b, o, i] = sum[c, p](w[o, c, p] * (x[b, c, i + p - 2] ?? 0.0))',
    body: 'Batch, 3, 19',
  },
  {
    name: 'one_axis_of_two',
    x: 'Batch, 2, 5, 9',
    w: '3, 2, 3',
    y: 'y[b, o, i, j] = sum[c, q]((x[b, c, i, j + q - 1] ?? 0.0) * w[o, c, q])',
    body: 'Batch, 3, 5, 9',
  },
]

function sourceOf({ name, x, w, y, body }: Case): string {
  return `
fn ${name}(x: f32[${x}], w: f32[${w}]) -> f32[${body}] {
  let ${y}
  return y
}
infer ${name}_value(x: f32[${x}], w: f32[${w}]) -> f32[${body}] {
  return ${name}(x, w)
}
infer ${name}_to_input(x: f32[${x}], w: f32[${w}], g: f32[${body}]) -> f32[${x}] {
  return gradient(sum(${name}(x, w) * g), x)
}
infer ${name}_to_filter(x: f32[${x}], w: f32[${w}], g: f32[${body}]) -> f32[${w}] {
  return gradient(sum(${name}(x, w) * g), w)
}
infer ${name}_second(x: f32[${x}], w: f32[${w}], g: f32[${body}], v: f32[${x}]) -> f32[${w}] {
  let d = gradient(sum(${name}(x, w) * ${name}(x, w) * g), x)
  return gradient(sum(d * v), w)
}
`
}

describe.each(['plain', 'relaxed', 'wide'] as const)('convolutions in index notation, %s build', (build) => {
  let programs: WindowedPrograms
  beforeAll(async () => {
    programs = await compileWindowed(`dim Batch in 1..5\ndim Time in 2..40\n${cases.map(sourceOf).join('')}`, build)
  }, 120_000)

  test.each(cases)('$name', ({ name, plain }) => {
    for (const kind of ['value', 'to_input', 'to_filter', 'second']) {
      const ops = programs.graph(`${name}_${kind}`).nodes.map(({ op }) => op)
      expect(ops.includes('convolve'), `${name}_${kind}`).toBe(!plain)
      if (!plain)
        for (const op of ['window', 'fold', 'contract', 'pad'] as const)
          expect(ops, `${name}_${kind}`).not.toContain(op)
      programs.check(`${name}_${kind}`)
    }
  })

  test('3×3 filters between many channels go by Winograd', () => {
    const entries = programs.runner.program.entries.filter(({ name }) => /^many_channels.*_(value|to_)/.test(name))
    expect(entries.length).toBeGreaterThan(0)
    for (const { name, calls } of entries) {
      const planned = everyCall(calls).flatMap((call) => (call.kind === 'convolution' ? [call.method.kind] : []))
      expect(planned, name).toEqual(['winograd'])
    }
  })

  // Of so small an image a wide panel is a good part.
  test.skipIf(build === 'wide')('no buffer is as large as the patches of one image', () => {
    const { buffers } = programs.runner.program
    const own = buffers.filter(({ kind, name }) => kind === 'arena' && name.startsWith('same3x3'))
    expect(own.length).toBeGreaterThan(0)
    for (const { name, bytes } of own) expect(bytes, name).toBeLessThan(4 * (3 * 3 * 3) * (7 * 9))
  })
})
