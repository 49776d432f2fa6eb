import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { readGraph } from '../../compiler/3-graph/read.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { type RandomGraph, randomGraph, randomGraphWithGradients } from './random-graph.ts'
import { randomNumbers } from './sample-values.ts'

const runs = { numRuns: 300 }

describe('random graphs', () => {
  test('are well formed and read back from their text', () => {
    fc.assert(
      fc.property(randomGraphWithGradients(), ({ graph }) => {
        verifyGraph(graph)
        expect(readGraph(printGraph(graph))).toEqual(graph)
      }),
      runs,
    )
  })

  test('mean the same when simplified', () => {
    fc.assert(
      fc.property(randomGraph(), (sample) => {
        const simplified = simplify(erase(sample.graph))
        verifyGraph(simplified)
        expectSame(sample, simplified)
      }),
      runs,
    )
  })

  test('have gradients that agree with finite differences, simplified or not', () => {
    fc.assert(
      fc.property(randomGraphWithGradients({ maximumOps: 15 }), (sample) => {
        const { graph } = differentiate(sample.graph)
        verifyGraph(graph)
        const simplified = simplify(erase(graph))
        verifyGraph(simplified)
        expectSame({ ...sample, graph }, simplified)
        compareWithDifferences({ ...sample, graph })
      }),
      runs,
    )
  })
})

/** Both graphs give the same outputs, but for rounding. */
function expectSame({ graph, inputs, dims }: RandomGraph, other: Graph): void {
  const environment = { inputs, dims, seed: 3, step: 5 }
  const expected = interpret(graph, environment).outputs
  const actual = interpret(other, environment).outputs
  expect(Object.keys(actual)).toEqual(Object.keys(expected))
  for (const [name, value] of Object.entries(expected)) {
    expect(actual[name]!.shape).toEqual(value.shape)
    expect(actual[name]!.dtype).toBe(value.dtype)
    const scale = 1 + value.data.reduce((largest, element) => Math.max(largest, Math.abs(element)), 0)
    value.data.forEach((element, at) => {
      const difference = Math.abs(actual[name]!.data[at]! - element)
      if (!(difference <= 1e-9 * scale)) expect.fail(`${name}[${at}] is ${actual[name]!.data[at]}, not ${element}`)
    })
  }
}

/**
 * Moves all f32 inputs along one random direction and compares the loss's central difference with the gradient's
 * share in that direction. Where two step sizes disagree the loss has a kink between, and nothing is compared.
 */
function compareWithDifferences({ graph, inputs, dims }: RandomGraph): void {
  const environment = { inputs, dims, seed: 3, step: 5 }
  const result = interpret(graph, environment).outputs
  const random = randomNumbers(11)
  const directions: Record<string, Float64Array> = {}
  let slope = 0
  for (const [name, data] of Object.entries(inputs)) {
    const gradient = result[`gradient.${name}`]
    if (!gradient) continue
    directions[name] = data.map(() => random() * 2 - 1)
    slope += gradient.data.reduce((total, element, at) => total + element * directions[name]![at]!, 0)
  }
  const lossAt = (step: number): number => {
    const moved = Object.fromEntries(
      Object.entries(inputs).map(([name, data]) => [
        name,
        directions[name] ? data.map((element, at) => element + step * directions[name]![at]!) : data,
      ]),
    )
    return interpret(graph, { ...environment, inputs: moved }).outputs.loss!.data[0]!
  }
  const difference = (step: number): number => (lossAt(step) - lossAt(-step)) / (2 * step)
  const [wide, narrow] = [difference(2e-6), difference(1e-6)]
  const tolerance = 1e-6 * (1 + Math.abs(slope))
  const forward = (lossAt(1e-6) - lossAt(0)) / 1e-6
  const smooth = Math.abs(wide - narrow) <= tolerance && Math.abs(forward - narrow) <= 1e-3 * (1 + Math.abs(slope))
  if (smooth) expect(Math.abs(slope - narrow)).toBeLessThanOrEqual(10 * tolerance)
}
