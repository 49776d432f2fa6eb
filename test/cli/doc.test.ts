import { describe, expect, test } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand } from './test-terminal.ts'

const folder = temporaryFolder({
  'block.nn': `/// A residual block: \`Width\` units inside. Wider is slower, as Smith et al. 2020 say.
/// It has two layers.
///
/// A second paragraph.
/// Formula: x + down(gelu(up(x)))
/// Source: He et al. 2016,
/// figure 2
layer Block(Width,   rate=0.1)(x: f32[..., C]) -> f32[..., C] where Width > 0 {
  param gain: f32[C]=ones
  when rate > 0.0 {
    param shift: f32[C] = zeros
    return gain * x + shift
  }
  return x
}
const Hidden = 128
train fit(x: f32[Batch, 4]) {
  loss mean(x)
}
`,
  'broken.nn': 'fn f(x { }',
})
const nnc = (...words: string[]) => runCommand(['doc', ...words], { directory: folder })

describe('nnc doc', () => {
  test('prints the signature in standard form, the text, formula, parameters and source', async () => {
    const { code, output } = await nnc('block.nn', 'Block')
    expect(code).toBe(0)
    expect(output).toBe(`layer Block(Width, rate = 0.1)(x: f32[..., C]) -> f32[..., C] where Width > 0

  A residual block: \`Width\` units inside. Wider is slower, as Smith et al. 2020 say. It has two
  layers.

  A second paragraph.

  formula  x + down(gelu(up(x)))
  param    gain: f32[C] = ones
  param    shift: f32[C] = zeros, when rate > 0.0
  source   He et al. 2016, figure 2
  file     block.nn:8
`)
  })

  test('documents all of a file, also what has no comment', async () => {
    const { output } = await nnc('block.nn')
    expect(output).toContain('const Hidden = 128\n')
    expect(output).toContain('train fit(x: f32[Batch, 4])\n')
    expect(output).not.toContain('loss')
    const list = await nnc('block.nn', '--list')
    expect(list.output).toBe(`block.nn
  Block   A residual block: \`Width\` units inside.
  Hidden
  fit
`)
  })

  test('lists the library by families, and what is built in', async () => {
    const { code, output } = await nnc()
    expect(code).toBe(0)
    for (const title of ['Activations', 'Losses', 'Optimizers', 'Built into the language'])
      expect(output).toMatch(new RegExp(`^${title}$`, 'm'))
    expect(output).toMatch(/^ {2}adamw +Adam with weight decay apart from the gradient\.$/m)
    expect(output.split('\n').every((line) => line.length <= 100)).toBe(true)
    expect((await nnc('--list')).output).toBe(output)
  })

  test('prints several items of the library, one after the other', async () => {
    const { output } = await nnc('Linear', 'exp')
    expect(output).toMatch(/^layer Linear\(Out, bias = true\)\(x: f32\[\.\.\., In\]\) -> f32\[\.\.\., Out\]\n/)
    expect(output).toMatch(/\n\nexp\(x\)\n/)
  })

  test('--definition prints the text itself', async () => {
    expect((await nnc('relu', '--definition')).output).toBe(`fn relu(x: f32[...]) -> f32[...] {
  return max(x, 0.0)
}
`)
  })

  test('--json has everything', async () => {
    const { items } = JSON.parse((await nnc('block.nn', 'Block', '--json')).output)
    expect(items).toHaveLength(1)
    expect(items[0]).toMatchObject({
      name: 'Block',
      kind: 'layer',
      file: 'block.nn',
      line: 8,
      signature: 'layer Block(Width, rate = 0.1)(x: f32[..., C]) -> f32[..., C] where Width > 0',
      text: [expect.stringContaining('two layers.'), 'A second paragraph.'],
      formula: 'x + down(gelu(up(x)))',
      source: 'He et al. 2016, figure 2',
      variables: [
        { text: 'param gain: f32[C] = ones', conditions: [] },
        { text: 'param shift: f32[C] = zeros', conditions: ['rate > 0.0'] },
      ],
    })
    expect(items[0].definition).toMatch(/^layer Block\(Width, {3}rate=0\.1\)[\s\S]*\}$/)
  })

  test.each([
    [['Liner'], 'there is nothing called `Liner` in the standard library', 'did you mean `Linear`?'],
    [
      ['BatchNormalization'],
      'there is nothing called `BatchNormalization` in the standard library',
      'here one writes `BatchNorm`',
    ],
    [['qqqqqqqq'], 'there is nothing called `qqqqqqqq` in the standard library', '`nnc doc` shows all there is'],
    [['block.nn', 'Blok'], 'there is nothing called `Blok` in block.nn', 'did you mean `Block`?'],
    [['nowhere.nn'], 'nowhere.nn does not exist', ''],
    [['broken.nn'], 'error[NN01', ''],
    [['exp', '--definition'], '`exp` is built into the language', ''],
  ])('nnc doc %j is a mistake', async (words, message, hint) => {
    const { code, output, error } = await nnc(...words)
    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(error).toContain(message)
    expect(error).toContain(hint)
  })

  test('--list and --definition exclude each other', async () => {
    expect((await nnc('--list', '--definition')).code).toBe(2)
  })
})
