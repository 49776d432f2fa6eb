import { MessageChannel } from 'node:worker_threads'
import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import {
  connectWorker,
  createTokenizer,
  type GenerateOptions,
  load,
  type MessagePortLike,
  type Model,
  serveModel,
} from '../../runtime/index.ts'
import { sampleToken } from '../../runtime/sample.ts'
import { languageModels } from './language-models.ts'

let model: Model
beforeAll(async () => {
  const { modules, diagnostics } = await compile(languageModels, { file: 'language.nn', builds: ['plain'] })
  expect(diagnostics).toEqual([])
  model = await load(modules!.plain!)
  model.init(5)
}, 120_000)

const generated = (entry: string, options: Partial<GenerateOptions> = {}): number[] => [
  ...model.generate(entry, { prompt: [2, 3, 4], count: 12, seed: 3, ...options }),
]

/** The likeliest next token of each prefix, each computed from the whole text at once. */
function greedyFromWhole(entry: string, inputs: object, text: readonly number[], count: number): number[] {
  const tokens = [...text]
  while (tokens.length < text.length + count) {
    const { logits, output = logits } = model.predict(entry, {
      id: { data: tokens, shape: [1, tokens.length] },
      ...inputs,
    })
    const row = output!.data.subarray((tokens.length - 1) * 12, tokens.length * 12)
    tokens.push(row.indexOf(Math.max(...row)))
  }
  return tokens.slice(text.length)
}

describe('generation', () => {
  test('with a carried state makes what running the whole text at once makes', () => {
    const whole = greedyFromWhole('whole', {}, [2, 3, 4], 6)
    expect(generated('Gated', { temperature: 0, count: 6 })).toEqual(whole)
    expect(generated('next', { temperature: 0, count: 6 })).toEqual(whole)
  })

  test('with a cache of keys and values too, which starts empty', () => {
    const empty = { data: new Float32Array(0), shape: [1, 0, 10] }
    const whole = greedyFromWhole('Attending', { keys: empty, seen: empty }, [2, 3], 6)
    expect(generated('Attending', { prompt: [2, 3], count: 6, temperature: 0 })).toEqual(whole)
  })

  test('the logits after a cache are those of the whole text', () => {
    const text = [3, 1, 4, 1, 5, 9, 2, 6]
    const empty = { data: new Float32Array(0), shape: [1, 0, 10] }
    const whole = model.predict('Attending', { id: [text], keys: empty, seen: empty })
    const first = model.predict('Attending', { id: [text.slice(0, 5)], keys: empty, seen: empty })
    const rest = model.predict('Attending', { id: [text.slice(5)], keys: first.keys!, seen: first.seen! })
    const expected = whole.logits!.data.subarray(5 * 12)
    for (const [at, value] of rest.logits!.data.entries()) expect(value).toBeCloseTo(expected[at]!, 5)
    expect(rest.keys!.shape).toEqual([1, 8, 10])
  })

  test('the seed decides', () => {
    expect(generated('Gated')).toEqual(generated('Gated'))
    expect(generated('Gated')).toEqual(generated('next'))
    expect(generated('Gated', { seed: 4 })).not.toEqual(generated('Gated'))
  })

  test('without anything carried, the last tokens are fed again', () => {
    expect(generated('whole', { count: 5 })).toEqual(generated('Gated', { count: 5 }))
    expect(generated('whole', { count: 30 })).toHaveLength(30)
  })

  test('a full context goes on with its later half', () => {
    const long = generated('Attending', { count: 60 })
    expect(long).toHaveLength(60)
    expect(generated('Attending', { prompt: Array.from({ length: 100 }, (_, i) => i % 12) })).toHaveLength(12)
  })

  test('ids to avoid are never made', () => {
    const made = generated('Gated', { count: 200, avoid: [0, 1, 2, 3, 4, 5] })
    expect(Math.min(...made)).toBe(6)
  })

  test('a worker sends the same tokens', async () => {
    const { port1, port2 } = new MessageChannel()
    serveModel(async () => model, port2 as unknown as MessagePortLike)
    const far = await connectWorker(port1 as unknown as MessagePortLike)
    const made: number[] = []
    for await (const id of far.generate('Gated', { prompt: [2, 3, 4], count: 12, seed: 3 })) made.push(id)
    expect(made).toEqual(generated('Gated'))
    for await (const id of far.generate('Gated', { prompt: [2], count: 1_000_000 })) {
      expect(id).toBeLessThan(12)
      break
    }
    far.close()
    port2.close()
  })

  test.each([
    ['classify', {}, /not-a-step|takes no tokens/],
    ['Gated', { prompt: [] }, /prompt is empty/],
    ['Gated', { temperature: -1 }, /temperature is -1/],
    ['Gated', { topP: 0 }, /topP is 0/],
    ['Gated', { topK: 1.5 }, /topK is 1.5/],
    ['Gated', { prompt: [12] }, /is 12, expected i32\[Batch, \w+\] from 0 to 11/],
    ['Gated', { avoid: Array.from({ length: 12 }, (_, id) => id) }, /leaves no token/],
  ])('%s %j', (entry, options, message) => expect(() => generated(entry, options)).toThrow(message))
})

describe('sampling', () => {
  const logits = [0, 2, 1, 2, -1]
  const all = (): boolean => true
  const draws = (options: object, allowed: (id: number) => boolean = all): number[] => {
    const counts = [0, 0, 0, 0, 0]
    for (let at = 0; at < 4000; at++)
      counts[sampleToken(logits, { temperature: 1, topK: 0, topP: 1, seed: 9, ...options }, at, allowed)]!++
    return counts.map((count) => count / 4000)
  }

  test('follows the probabilities of the softmax', () => {
    const weights = logits.map((logit) => Math.exp(logit))
    const total = weights.reduce((a, b) => a + b)
    for (const [id, share] of draws({}).entries()) expect(share).toBeCloseTo(weights[id]! / total, 1)
  })

  test('so does the first token, of seed 0 as well', () => {
    const one = (seed: number): number => sampleToken([-20, 0, 1], { temperature: 1, topK: 0, topP: 1, seed }, 0, all)
    expect(one(0)).not.toBe(0)
    const counts = [0, 0, 0]
    for (let seed = 0; seed < 4000; seed++) counts[one(seed)]!++
    expect(counts[0]).toBe(0)
    expect(counts[1]! / 4000).toBeCloseTo(1 / (1 + Math.E), 1)
  })

  test('temperature 0 takes the likeliest, of equals the first', () =>
    expect(draws({ temperature: 0 })).toEqual([0, 1, 0, 0, 0]))
  test('top-k keeps the likeliest', () => expect(draws({ topK: 1 })).toEqual([0, 1, 0, 0, 0]))
  test('top-p keeps the fewest that reach the share', () => {
    const shares = draws({ topP: 0.5 })
    expect(shares.map((share) => share > 0)).toEqual([false, true, false, true, false])
  })
  test('what is not allowed does not count', () => {
    expect(draws({ topK: 2 }, (id) => id !== 1).map((share) => share > 0)).toEqual([false, false, true, true, false])
  })
})

describe('tokens', () => {
  test('characters there and back', () => {
    const { encode, decode, size, unknownIn } = createTokenizer({ kind: 'characters', names: ['a', 'b', '🐋'] })
    expect([...encode('ab🐋x')]).toEqual([2, 3, 4, 1])
    expect(decode([2, 0, 4, 1])).toBe('a🐋�')
    expect(size).toBe(5)
    expect(unknownIn('axbyx')).toEqual(['x', 'y'])
  })
  test('words are joined as one writes', () => {
    const names = ['call', 'me', '(', 'ishmael', ')', '.', "don't"]
    const { encode, decode } = createTokenizer({ kind: 'words', names })
    expect([...encode("Call me (Ishmael). Don't!")]).toEqual([2, 3, 4, 5, 6, 7, 8, 1])
    expect(decode([2, 3, 4, 5, 6, 7, 8])).toBe("call me (ishmael). don't")
  })
})
