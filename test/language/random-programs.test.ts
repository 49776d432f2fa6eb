import { setFlagsFromString } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile, renderDiagnostics } from '../../compiler/index.ts'
import { load } from '../../runtime/index.ts'
import type { SimdBuild } from '../../runtime/manifest.ts'
import { INPUT_WIDTH, type RandomProgram, randomProgram, VOCABULARY } from './random-program.ts'

// Node 20 has relaxed SIMD behind a flag.
setFlagsFromString('--experimental-wasm-relaxed-simd')

// NNC_PROGRAMS=1000 NNC_SEED=7 npx vitest run test/language/random-programs.test.ts: the long run, or one seed again.
// NNC_BUILD=wide takes one build only.
const only = process.env.NNC_BUILD as SimdBuild | undefined
const programs = Number(process.env.NNC_PROGRAMS ?? 200)
const seed = Number(process.env.NNC_SEED ?? Date.now() % 1_000_000)
const PER_MODULE = 10
const BATCH_LIMIT = 9

const arbitrary = fc.record({
  choices: fc.array(fc.nat(), { minLength: 80, maxLength: 80, size: 'max' }),
  statements: fc.integer({ min: 2, max: 12 }),
})

/** Numbers without pattern in -1..1, the same for the same key. */
function numbers(count: number, key: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => Math.fround(Math.sin((index + 1) * 12.9898 + key * 78.233)))
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  expect(actual.length, what).toBe(expected.length)
  let scale = 0
  for (let index = 0; index < expected.length; index++) scale = Math.max(scale, Math.abs(expected[index]!))
  for (let index = 0; index < expected.length; index++) {
    // The loss of no rows is 0 / 0.
    if (Number.isNaN(actual[index]) && Number.isNaN(expected[index])) continue
    const difference = Math.abs(actual[index]! - expected[index]!)
    if (!(difference <= 1e-5 + 2e-4 * scale))
      expect.fail(`${what}[${index}] is ${actual[index]}, the interpreter says ${expected[index]}`)
  }
}

async function compareModule(drawn: readonly RandomProgram[], build: SimdBuild): Promise<void> {
  const source = `dim Batch in 0..${BATCH_LIMIT}\n${drawn.map((program) => program.source).join('\n')}`
  const compilation = await compile(source, { file: 'random.nn', builds: [build] })
  const errors = compilation.diagnostics.filter(({ severity }) => severity === 'error')
  expect(renderDiagnostics(errors, compilation.sources), source).toBe('')
  const model = await load(compilation.modules![build]!)
  const graphOf = (name: string) => compilation.graphs!.graphs.find((graph) => graph.name === name)!
  for (const program of drawn) {
    for (const batch of [0, 1, 4, BATCH_LIMIT]) {
      model.init(batch)
      const x = numbers(batch * INPUT_WIDTH, 1)
      const ids = Int32Array.from({ length: batch }, (_, row) => (row * 7 + batch) % VOCABULARY)
      const target = numbers(batch * program.width, 2)
      const variables = () =>
        Object.fromEntries(model.variables.names.map((name) => [name, Float64Array.from(model.variables.get(name))]))
      const environment = { dims: { Batch: batch }, seed: batch, inputs: { x, ids, target } }
      const where = (what: string) => `${what} at batch ${batch} of\n${program.source}`

      const slope = interpret(graphOf(program.infer), { ...environment, variables: variables(), step: 0 }).outputs
      if (!slope.slope!.data.every((value) => Math.abs(value) < 1e3)) continue
      const predicted = model.predict(program.infer, { x: Float32Array.from(x), ids })
      for (const name of ['value', 'slope']) expectClose(predicted[name]!.data, slope[name]!.data, where(name))

      for (let step = 0; step < 2; step++) {
        const before = variables()
        const expected = interpret(graphOf(`${program.train}.step`), { ...environment, variables: before, step })
        const { loss } = model.step(program.train, { x: Float32Array.from(x), ids, target: Float32Array.from(target) })
        expectClose([loss], expected.outputs.loss!.data, where(`loss of step ${step}`))
        for (const [name, { data }] of Object.entries(expected.updates))
          expectClose(model.variables.get(name), data, where(`${name} after step ${step}`))
      }
    }
  }
}

describe(`random programs, compiled and interpreted (NNC_SEED=${seed})`, () => {
  const drawn = fc.sample(arbitrary, { numRuns: programs, seed })
  for (let start = 0; start < programs; start += PER_MODULE) {
    const group = drawn.slice(start, start + PER_MODULE)
    test(`programs ${start} to ${start + group.length - 1}`, () =>
      compareModule(
        group.map(({ choices, statements }, index) => randomProgram(String(index), choices, statements)),
        only ?? (start % (4 * PER_MODULE) === PER_MODULE ? 'wide' : 'plain'),
      ))
  }
})
