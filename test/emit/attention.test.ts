/** Attention as it is compiled, against the same text with all its scores, in float64: values and what is learned. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { type GraphEnvironment, interpret } from '../../compiler/3-graph/interpret.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { recogniseAttention } from '../../compiler/4-transform/recognise-attention.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { compile } from '../../compiler/index.ts'
import { compileGraphs, difference, type Runner } from './run-wasm.ts'

interface Case {
  /** q [B, H, T, E], k [B, G, S, E], v [B, G, S, F]. */
  readonly sizes: readonly [B: number, H: number, G: number, T: number, S: number, E: number, F: number]
  readonly settings?: string
  readonly padding?: (row: number, key: number) => boolean
}

const cases: Record<string, Case> = {
  'one query': { sizes: [2, 2, 2, 1, 9, 4, 4], settings: 'causal = true' },
  'one query of odd widths': { sizes: [2, 2, 1, 1, 5, 3, 5] },
  'one key': { sizes: [1, 2, 2, 4, 1, 3, 1] },
  'an awkward length': { sizes: [2, 2, 2, 37, 37, 7, 5], settings: 'causal = true' },
  'longer than a block': { sizes: [1, 2, 2, 101, 101, 8, 8], settings: 'causal = true' },
  'too long to be kept': { sizes: [1, 1, 1, 140, 140, 4, 6], settings: 'causal = true' },
  'too long to be kept, not causal': { sizes: [1, 2, 2, 131, 139, 4, 4] },
  'a long row of keys': { sizes: [1, 1, 1, 30, 1500, 4, 13] },
  'more keys than queries, causal': { sizes: [2, 2, 2, 6, 17, 4, 4], settings: 'causal = true' },
  'fewer keys than queries, causal': { sizes: [1, 2, 2, 9, 5, 4, 4], settings: 'causal = true' },
  'heads that share keys': { sizes: [2, 6, 2, 19, 19, 5, 4], settings: 'causal = true' },
  'one pair of keys and values for all heads, long': { sizes: [1, 3, 1, 140, 140, 4, 4], settings: 'causal = true' },
  'biases by distance': { sizes: [2, 4, 2, 13, 17, 4, 3], settings: 'alibi = true, causal = true' },
  'biases by distance, long': { sizes: [1, 2, 2, 135, 135, 4, 3], settings: 'alibi = true, causal = true' },
  padding: {
    sizes: [3, 2, 2, 7, 11, 4, 4],
    settings: 'key_padding_mask = padding',
    padding: (row, key) => key >= 11 - 4 * row,
  },
  'padding before the text, causal': {
    sizes: [3, 2, 2, 11, 11, 4, 4],
    settings: 'key_padding_mask = padding, causal = true',
    padding: (row, key) => key < 3 * row,
  },
  'nothing but padding': {
    sizes: [2, 2, 2, 5, 5, 4, 4],
    settings: 'key_padding_mask = padding',
    padding: (row) => row === 0,
  },
  'wide heads': { sizes: [1, 1, 1, 5, 7, 401, 3], settings: 'causal = true' },
}

const entries = Object.entries(cases)

/** A model and its training, numbered. */
function sourceOf({ sizes: [B, H, G, T, S, E, F], settings = '' }: Case, at: number): string {
  return `
model Net${at}(y: f32[${B}, ${H}, ${T}, ${F}], padding: bool[${B}, ${S}]) -> f32[${B}, ${H}, ${T}, ${F}] {
  param q: f32[${B}, ${H}, ${T}, ${E}] = zeros
  param k: f32[${B}, ${G}, ${S}, ${E}] = zeros
  param v: f32[${B}, ${G}, ${S}, ${F}] = zeros
  return scaled_dot_product_attention(q, k, v${settings && `, ${settings}`})
}
train fit${at}(y: f32[${B}, ${H}, ${T}, ${F}], padding: bool[${B}, ${S}]) {
  loss sum((Net${at}(y, padding) - y) ^ 2)
  optimizer sgd(0.1)
}`
}

/** Without pattern, in −1..1. */
function numbers(count: number, key: number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => Math.fround(Math.sin((at + 1) * 12.9898 + key * 78.233)))
}

function environmentOf(
  { sizes: [B, H, , T, S, , F], padding = () => false }: Case,
  { nodes }: Graph,
): GraphEnvironment {
  const variables: Record<string, Float64Array> = {}
  const hypers: Record<string, number> = {}
  for (const { op, attributes, type } of nodes) {
    const count = type.shape.reduce<number>((total, size) => total * (size as number), 1)
    if (op === 'variable')
      variables[attributes.name] =
        count === 1 ? new Float64Array(1) : numbers(count, nodes.length + Object.keys(variables).length)
    if (op === 'hyper') hypers[attributes.name] = 0.1
  }
  return {
    inputs: {
      y: numbers(B * H * T * F, 1),
      padding: Float64Array.from({ length: B * S }, (_, at) => Number(padding(Math.floor(at / S), at % S))),
    },
    variables,
    hypers,
  }
}

const finished = (graph: Graph): Graph => simplify(erase(differentiate(graph).graph))

let written: readonly Graph[]
let tiled: readonly Graph[]

beforeAll(async () => {
  const source = entries.map(([, own], at) => sourceOf(own, at)).join('\n')
  const { graphs, diagnostics } = await compile(source, { file: 'attention.nn', stopAfter: 'graph' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  written = graphs!.graphs
  tiled = written.map((graph) => finished(recogniseAttention(graph)))
}, 60_000)

describe.each(['plain', 'relaxed', 'wide'] as const)('%s', (build) => {
  let runner: Runner

  beforeAll(async () => {
    runner = await compileGraphs(tiled, build)
  }, 60_000)

  test.each(entries.map(([name, own], at) => [name, own, at] as const))('%s', (_, own, at) => {
    // The sum over one key is no sum.
    const count = own.sizes[4] === 1 ? 0 : 1
    for (const name of [`Net${at}`, `fit${at}.step`]) {
      const number = written.findIndex((graph) => graph.name === name)
      const graph = tiled[number]!
      expect(graph.nodes.filter(({ op }) => op === 'attention')).toHaveLength(count)
      const environment = environmentOf(own, graph)
      const found = difference(runner.run(graph, environment), interpret(finished(written[number]!), environment))
      expect(found && `${name}: ${found}`).toBeUndefined()
    }
  })
})
