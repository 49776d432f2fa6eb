import { describe, expect, test } from 'vitest'
import { readRenamePattern, renamed } from '../../compiler/2-check/rename-pattern.ts'
import { checkText } from './check-text.ts'

function rename(from: string, to: string, path: string): string | undefined {
  const pattern = readRenamePattern(from, to)
  if ('problem' in pattern) throw new Error(pattern.problem)
  return renamed(pattern, path)
}

describe('the patterns of map', () => {
  test.each([
    ['wte', 'embed.table', 'embed.table', 'wte'],
    ['wte', 'embed.table', 'embed.tables', undefined],
    ['h.{i}.attn.weight', 'blocks.{i}.w', 'blocks.11.w', 'h.11.attn.weight'],
    ['h.{i}.attn.weight', 'blocks.{i}.w', 'blocks.1.2.w', undefined],
    ['h.{i}', 'h.x{i}', 'h.x', undefined],
    ['layer{i}_{part}.{i}', 'l{i}.{part}', 'l3.up', 'layer3_up.3'],
    ['shared', '{part}.w', 'head.w', 'shared'],
    ['encoder.**', '**', 'fc1.w', 'encoder.fc1.w'],
    ['**.weight', '**.w', 'a.b.w', 'a.b.weight'],
    ['**.weight', '**.w', 'w', undefined],
    // Stars belong together by their kind and order; earlier ones take as little as they can.
    ['*-**-*', '*.**.*', 'a.b.c.d', 'a-b.c-d'],
    ['**/**', '**.**', 'a.b.c', 'a/b.c'],
  ])('map "%s" -> "%s": %s is %s', (from, to, path, tensor) => {
    expect(rename(from, to, path)).toBe(tensor)
  })

  test('are matched in little time whatever they are', () => {
    const stars = '**a'.repeat(330)
    expect(rename(stars, stars, `${'a'.repeat(5000)}b`)).toBeUndefined()
    expect(readRenamePattern('x', 'y'.repeat(1001))).toMatchObject({ side: 'to' })
  })
})

const networks = `layer Dense(Out)(x: f32[..., In]) -> f32[..., Out] {
  return x |> fc: Linear(Out)
}
model Encoder(x: f32[Batch, 4]) -> f32[Batch, 2] {
  state calls: f32 = 0.0
  return (x |> in: Dense(2)) + calls
}
model Decoder(x: f32[Batch, 2]) -> f32[Batch, 4] {
  return x |> out: Dense(4)
}
train fit(x: f32[Batch, 4]) {
  state last: f32 = 0.0
  let error = mean_squared_error(Decoder(Encoder(x)), x)
  update last = error
  loss error + 0.0 * last
  optimizer adam(0.1)
}
`.replaceAll(' in: ', ' first: ')

/** Variable = tensor, for each load block. */
function loadsOf(text: string): string[][] {
  const { program, rendered } = checkText(text)
  expect(rendered).toBe('')
  return program!.loads.map(({ tensors }) => tensors.map(({ variable, tensor }) => `${variable} = ${tensor}`))
}

describe('what a load block is for', () => {
  test('a model, by paths within it, each from a file of its own', () => {
    const text = `${networks}load Encoder from "encoder.safetensors" {
  map "dense.weight" -> "first.fc.w"
  missing "calls"
}
load Decoder from "decoder.safetensors"
`
    expect(loadsOf(text)).toEqual([
      ['Encoder.first.fc.w = dense.weight', 'Encoder.first.fc.b = first.fc.b'],
      ['Decoder.out.fc.w = out.fc.w', 'Decoder.out.fc.b = out.fc.b'],
    ])
  })

  test('a train block, by the paths of checkpoints, without optimizer memory', () => {
    const text = `${networks}load fit from "both.safetensors" {
  map "enc.**" -> "Encoder.**"
  map "dec.**" -> "Decoder.**"
}
`
    expect(loadsOf(text)[0]!.sort()).toEqual([
      'Decoder.out.fc.b = dec.out.fc.b',
      'Decoder.out.fc.w = dec.out.fc.w',
      'Encoder.calls = enc.calls',
      'Encoder.first.fc.b = enc.first.fc.b',
      'Encoder.first.fc.w = enc.first.fc.w',
      'fit/last = fit/last',
    ])
  })

  test('an imported model, by the name it has here', () => {
    const files = { './net.nn': 'model Net(x: f32[B, 2]) -> f32[B, 1] {\n  return x |> fc: Linear(1)\n}' }
    const { program, rendered } = checkText(
      'import { Net as Mine } from "./net.nn"\nload Mine from "net.safetensors"\n',
      {},
      'test.nn',
      (path) => files[path as keyof typeof files],
    )
    expect(rendered).toBe('')
    expect(program!.loads[0]!.tensors.map(({ variable }) => variable)).toEqual(['fc.w', 'fc.b'])
  })

  test('mistakes elsewhere come first, so that none follows from them', () => {
    const { diagnostics } = checkText(
      'model Net(x: f32[B, 2]) -> f32[B, 1] {\n  return x |> fc: Liner(1)\n}\nload Net from "a" {\n  missing "fc.*"\n}\n',
    )
    expect(diagnostics.map(({ code }) => code)).toEqual(['NN0201'])
  })

  test('a pattern that matches only what is missing has nothing to say', () => {
    const { diagnostics } = checkText(
      'model Net(x: f32[B, 2]) -> f32[B, 1] {\n  return x |> fc: Linear(1)\n}\nload Net from "a" {\n  map "bias" -> "fc.b"\n  missing "*.b"\n  missing "head"\n}\n',
    )
    expect(diagnostics.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'NN0235: `fc.b` matches only what is `missing`, as `fc.b`',
      'NN0235: `head` matches no parameter or state of `Net`',
    ])
  })
})
