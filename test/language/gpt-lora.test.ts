import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load, type Model, type ShapedInput } from '../../runtime/index.ts'
import { readSafetensors, type StoredTensor, writeSafetensors } from '../../runtime/safetensors.ts'
import { runCommand } from '../cli/test-terminal.ts'

const path = (name: string) => new URL(`../fixtures/language/${name}.nn`, import.meta.url)
const text = (name: string): string => readFileSync(path(name), 'utf8')
const [batch, time, vocabulary] = [8, 16, 11]

/** Rows that count upwards by a stride, each from its own start, and what follows each symbol. */
function counting(stride: number, from: number): Record<'ids' | 'targets', ShapedInput<Int32Array>> {
  const at = (offset: number) => ({
    shape: [batch, time],
    data: Int32Array.from(
      { length: batch * time },
      (_, i) => (from + 3 * Math.floor(i / time) + stride * ((i % time) + offset)) % vocabulary,
    ),
  })
  return { ids: at(0), targets: at(1) }
}

/** GPT-2's names for the parameters of gpt-base.nn; its matrices are stored the other way round. */
const names: readonly (readonly [RegExp, string])[] = [
  [/^tokens$/, 'wte.weight'],
  [/^positions$/, 'wpe.weight'],
  [/^norm\./, 'ln_f.'],
  [/^blocks\.(\d+)\./, 'h.$1.'],
  [/\.attn\.qkv\./, '.attn.c_attn.'],
  [/\.attn\.proj\./, '.attn.c_proj.'],
  [/\.up\./, '.mlp.c_fc.'],
  [/\.down\./, '.mlp.c_proj.'],
  [/\.(w|gamma)$/, '.weight'],
  [/\.(b|beta)$/, '.bias'],
]

function asGpt2(checkpoint: Uint8Array): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, StoredTensor>()
  for (const [name, tensor] of readSafetensors(checkpoint).tensors) {
    const renamed = names.reduce((current, [pattern, by]) => current.replace(pattern, by), name)
    tensors.set(renamed, name.endsWith('.w') ? transposed(tensor) : tensor)
  }
  const mask: StoredTensor = { dtype: 'U8', shape: [1, 1, 2, 2], bytes: Uint8Array.of(1, 0, 1, 1) }
  for (const block of [0, 1]) tensors.set(`h.${block}.attn.bias`, mask)
  return writeSafetensors({ tensors, metadata: { format: 'pt' } })
}

function transposed({ dtype, shape, bytes }: StoredTensor): StoredTensor {
  const [rows, columns] = shape as [number, number]
  const from = new Float32Array(new Uint8Array(bytes).buffer)
  const to = from.map((_, at) => from[(at % rows) * columns + Math.floor(at / rows)]!)
  return { dtype, shape: [columns, rows], bytes: new Uint8Array(to.buffer) }
}

const parameters = (model: Model): Record<string, ReturnType<Model['parameters']['get']>> =>
  Object.fromEntries(model.parameters.names.map((name) => [name, model.parameters.get(name)]))

const mean = (losses: readonly number[]): number => losses.reduce((total, loss) => total + loss, 0) / losses.length

let base: Model
let lora: Model
beforeAll(async () => {
  const compiled = await Promise.all(
    ['gpt-base', 'gpt-lora'].map((name) => compile(text(name), { file: `${name}.nn`, builds: ['plain'] })),
  )
  for (const { diagnostics } of compiled) expect(diagnostics).toEqual([])
  base = await load(compiled[0]!.modules!.plain!)
  lora = await load(compiled[1]!.modules!.plain!)
  for (let step = 0; step < 150; step++) base.step('pretrain', counting(1, step))
}, 240_000)

test.each(['gpt-base', 'gpt-lora'])('nnc check --gradients finds nothing wrong with %s.nn', async (name) => {
  const file = path(name).pathname
  expect(await runCommand(['check', file, '--gradients'], { directory: '/' })).toMatchObject({ code: 0, error: '' })
})

describe('low-rank adapters on a loaded GPT-2', () => {
  test('begin as the model they are put on, then learn without changing it', () => {
    const learned = mean([200, 201, 202].map((from) => base.evaluate('pretrain', counting(1, from)).loss))
    expect(learned).toBeLessThan(0.5)
    lora.loadPretrained(asGpt2(base.save({ optimizer: false })))
    const { ids } = counting(1, 5)
    // lora_b is zero, and adding zero changes no bit.
    const before = lora.predict('Gpt', { ids }).output!.data
    expect(before).toEqual(base.predict('Gpt', { ids }).output!.data)

    const frozen = parameters(lora)
    const losses: number[] = []
    for (let step = 0; step < 120; step++) losses.push(lora.step('lora', counting(3, step)).loss)
    expect(mean(losses.slice(0, 4))).toBeGreaterThan(2)
    expect(mean(losses.slice(-8))).toBeLessThan(0.6 * mean(losses.slice(0, 8)))
    const after = parameters(lora)
    const changed = Object.keys(after).filter((name) => after[name]!.some((value, at) => value !== frozen[name]![at]))
    expect(changed.sort()).toEqual(
      Object.keys(after)
        .filter((name) => name.includes('lora_'))
        .sort(),
    )
    expect(changed).toHaveLength(8)
  })

  test('keep optimizer memory for themselves only', () => {
    const kept = lora.manifest.variables.filter(({ kind }) => kind === 'optimizer').map(({ name }) => name)
    expect(kept.filter((name) => !/^lora\/(step$|.*\.lora_[ab]\/[mv]$)/.test(name))).toEqual([])
    expect(kept).toHaveLength(17)
  })

  test('have a smaller step than training everything', async () => {
    const whole = text('gpt-lora').replace(/^ *freeze .*\n/m, '')
    const [part, all] = await Promise.all(
      [text('gpt-lora'), whole].map(async (source) => {
        const { program } = await compile(source, { file: 'gpt-lora.nn', stopAfter: 'fuse' })
        const step = program!.entries.find(({ name }) => name === 'lora.step')!
        return { calls: step.calls.length, memory: program!.memory.variables }
      }),
    )
    expect(part!.calls).toBeLessThan(0.8 * all!.calls)
    expect(part!.memory).toBeLessThan(0.7 * all!.memory)
  })
})
