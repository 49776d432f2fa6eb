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
  // Gradients of a loss that is infinite or no number may be either, as terms of zero times infinity come and go.
  const loss = expected.loss?.data[0] ?? 0
  for (const [name, value] of Object.entries(expected)) {
    expect(actual[name]!.shape).toEqual(value.shape)
    expect(actual[name]!.dtype).toBe(value.dtype)
    const scale =
      1 + value.data.filter(Number.isFinite).reduce((largest, element) => Math.max(largest, Math.abs(element)), 0)
    value.data.forEach((element, at) => {
      // The largest of nothing is −∞, and what comes of it depends on how sums are grouped.
      if (!Number.isFinite(element) || !Number.isFinite(loss)) return
      const difference = Math.abs(actual[name]!.data[at]! - element)
      if (!(difference <= 1e-9 * scale)) expect.fail(`${name}[${at}] is ${actual[name]!.data[at]}, not ${element}`)
    })
  }
}

/**
 * Moves all f32 inputs along one random direction and compares the loss's central difference with the gradient's
 * share in that direction. The point is moved off the dyadic grid first, where ties would make kinks.
 */
function compareWithDifferences({ graph, inputs, dims }: RandomGraph): void {
  const random = randomNumbers(11)
  const names = new Set(graph.outputs.map((output) => output.name))
  const moving = Object.keys(inputs).filter((name) => names.has(`gradient.${name}`))
  const nudge = (size: number): Record<string, Float64Array> =>
    Object.fromEntries(moving.map((name) => [name, inputs[name]!.map(() => size * (random() * 2 - 1))]))
  const [offset, direction] = [nudge(1e-3), nudge(1)]
  const at = (step: number): Record<string, Float64Array> => ({
    ...inputs,
    ...Object.fromEntries(
      moving.map((name) => [
        name,
        inputs[name]!.map((element, place) => element + offset[name]![place]! + step * direction[name]![place]!),
      ]),
    ),
  })
  const outputs = (step: number) => interpret(graph, { dims, seed: 3, step: 5, inputs: at(step) }).outputs
  const base = outputs(0)
  if (!Number.isFinite(base.loss!.data[0])) return
  let slope = 0
  for (const name of moving) {
    base[`gradient.${name}`]!.data.forEach((element, place) => {
      slope += element * direction[name]![place]!
    })
  }
  const difference = (step: number): number =>
    (outputs(step).loss!.data[0]! - outputs(-step).loss!.data[0]!) / (2 * step)
  expect(Math.abs(slope - difference(1e-6))).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(slope)))
}
