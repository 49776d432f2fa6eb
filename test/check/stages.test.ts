import { describe, expect, test } from 'vitest'
import { checkText, codesOf, programOf } from './check-text.ts'

const cross = `layer Cross(H)(x: f32[B, D], memory: f32[B, M]) -> f32[B, D] {
  return x + (concat([x, memory], axis = 1) |> up: Linear(H) |> down: Linear(D))
}
`
const net = (body: string) => `${cross}model Net(x: f32[Batch, 3], m: f32[Batch, 5]) -> f32[Batch, 3] {
  return ${body}
}
infer f(x: f32[Batch, 3], m: f32[Batch, 5]) {
  return Net(x, m)
}`
const owners = (body: string) =>
  [...programOf(net(body)).variables].map(({ name }) => name).filter((name) => name.endsWith('up.w'))

describe('a stage of a layer into which more than the pipeline flows', () => {
  test('has the name of the stage', () => {
    expect(owners('x |> first: Cross(8)(m) |> second: Cross(4)(memory = m)')).toEqual(['first.up.w', 'second.up.w'])
    expect(codesOf(net('x |> first: Cross(8)(m)'))).toEqual([])
  })

  test('has parameters of its own for each repetition', () => {
    expect(owners('x |> blocks: repeat(3) Cross(8)(m)')).toEqual(['blocks.0.up.w', 'blocks.1.up.w', 'blocks.2.up.w'])
  })

  test('without a name still asks for one', () => {
    expect(codesOf(net('x |> GruCell(3)(x)'))).toEqual(['NN0271'])
  })

  test('takes a layer without settings, too', () => {
    const text = net('x |> joined: Joined()(m)').replace(
      cross,
      'layer Joined()(x: f32[B, D], m: f32[B, M]) -> f32[B, D] {\n  return concat([x, m], axis = 1) |> fc: Linear(D)\n}\n',
    )
    expect([...programOf(text).variables].map(({ name }) => name)).toEqual(['joined.fc.w', 'joined.fc.b'])
  })
})

describe('what is set and what flows', () => {
  const hintOf = (body: string) => {
    const [found] = checkText(net(body)).diagnostics
    return [found?.code, found?.message, found?.hint]
  }
  test('an input among the settings is sent to brackets of its own', () => {
    expect(hintOf('x |> first: Cross(8, memory = m)')).toEqual([
      'NN0212',
      '`Cross` has no argument `memory`',
      '`memory` is not set but flows; brackets of their own hold what flows: `x |> Cross(…)(memory = …)`',
    ])
    expect(hintOf('x |> first: Cross(8, m)')[2]).toContain('`x |> Cross(…)(memory)`')
    expect(hintOf('Cross(8, x = x)')[2]).toBe('`x` is not set but flows: `x |> Cross(…)`')
  })

  test('a setting among the inputs is sent to the settings', () => {
    expect(hintOf('x |> first: Cross(8)(m, H = 4)')[2]).toBe(
      '`H` is a setting of the layer: `Cross(H = …)` before what flows',
    )
  })

  test('a number where a setting is true or false: `Linear(in, out)`', () => {
    expect(hintOf('x |> fc: Linear(3, 3)')).toEqual([
      'NN0209',
      '`bias` is true or false, but this is the number 3',
      '`Linear` takes `Out`, `bias`; sizes of what flows in are found by themselves',
    ])
    expect(hintOf('Linear(3, x)')[2]).toBe('`Linear` takes `Out`, `bias`; what flows goes before it: `x |> Linear(…)`')
    expect(codesOf(net('x |> fc: Linear(3, bias = 1 > 2)'))).not.toContain('NN0209')
  })
})

test('a layer nothing calls may contain cells whose parameters begin by its open sizes', () => {
  const text = `layer Encoder(Hid)(x: f32[B, T, In]) -> f32[B, Hid] {
  use cell = GruCell(Hid)
  return scan now in x over T carry h: f32[B, Hid] = zeros {
    yield carry cell(now, h)
  }
}
infer f(x: f32[Batch]) {
  return x
}`
  expect(codesOf(text)).toEqual([])
})

test('more values than are declared are pointed at where they are returned', () => {
  const text = `infer f(x: f32[Batch, T]) -> f32[Batch, T] {
  return scan now in x over T carry s: f32[Batch] = zeros {
    yield now carry s + now
  }
}`
  const [found] = checkText(text).diagnostics
  expect(found).toMatchObject({ code: 'NN0209', hint: 'take them apart first: `let (y, _last) = …`' })
  expect(text.slice(found!.span.start, found!.span.end)).toBe('scan')
})
