import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { buildGraphs } from '../../compiler/3-graph/lower.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { compile } from '../../compiler/index.ts'
import { compileGraphs, difference } from '../emit/run-wasm.ts'
import { codesOf, entryOf, programOf } from './check-text.ts'

/** A line w·x + b, trained on x and y. */
const line = (statements: string): string => `hyper rate = 0.25
const Rate = 0.1
model Line(x: f32[Batch, 2]) -> f32[Batch] {
  param w: f32[2] = ones
  param b: f32 = 0.5
  return x @ w + b
}
infer predict(x: f32[Batch, 2]) -> f32[Batch] {
  return Line(x)
}
train fit(x: f32[Batch, 2], y: f32[Batch]) {
  loss mean_squared_error(Line(x), y)
  metric doubled = 2.0 * loss
  ${statements}
}`

type Variables = Readonly<Record<string, ArrayLike<number>>>
interface Point {
  readonly w: readonly number[]
  readonly b: number
}

const rows = [
  [1, -2],
  [0.5, 3],
  [0, -1],
]
const targets = [1, 2, 3]
const inputs = { x: rows.flat(), y: targets }
const environment = { inputs, dims: { Batch: 3 }, hypers: { rate: 0.25 } }

/** The slopes of the mean squared error. */
function slopes({ w, b }: Point): Point & { loss: number } {
  const errors = rows.map((row, at) => row[0]! * w[0]! + row[1]! * w[1]! + b - targets[at]!)
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / 3
  return {
    w: [0, 1].map((c) => 2 * mean(errors.map((error, at) => error * rows[at]![c]!))),
    b: 2 * mean(errors),
    loss: mean(errors.map((error) => error * error)),
  }
}

class Run {
  readonly graphs
  variables: Variables
  constructor(text: string) {
    this.graphs = buildGraphs(programOf(text)).graphs.map((graph) => {
      verifyGraph(graph)
      return differentiate(graph).graph
    })
    this.variables = this.updatesOf('init')
  }
  entry(name: string) {
    return interpret(this.graphs.find((graph) => graph.name === name)!, { ...environment, variables: this.variables })
  }
  updatesOf(name: string): Variables {
    const graph = this.graphs.find((own) => own.name === name)!
    const { updates } = interpret(graph, { ...environment, variables: this.variables ?? {} })
    return Object.fromEntries(Object.entries(updates).map(([key, { data }]) => [key, data]))
  }
  /** One step; its loss. */
  step(name = 'fit.step'): number {
    const loss = this.entry(name).outputs.loss!.data[0]!
    this.variables = { ...this.variables, ...this.updatesOf(name) }
    return loss
  }
  point(): Point {
    return { w: [...Array.from(this.variables.w!)], b: this.variables.b![0]! }
  }
}

function expectPoint(actual: Point, expected: Point): void {
  for (const [at, value] of expected.w.entries()) expect(actual.w[at]).toBeCloseTo(value, 10)
  expect(actual.b).toBeCloseTo(expected.b, 10)
}

describe('penalty', () => {
  const start = { w: [1, 1], b: 0.5 }
  const g = slopes(start)
  test.each([
    ['penalty l2(0.3)', (p: number) => 0.6 * p, (p: number) => 0.6 * p],
    ['penalty l2(0.3) for "w"', (p: number) => 0.6 * p, () => 0],
    ['penalty l1(0.3) for "b"', () => 0, () => 0.3],
    ['penalty elastic(0.1, 0.2)', (p: number) => 0.1 + 0.4 * p, (p: number) => 0.1 + 0.4 * p],
    ['penalty l2 for "w"', (p: number) => 0.02 * p, () => 0],
    ['penalty l2(0.3) for "w"\n  penalty l1(0.1)', (p: number) => 0.6 * p + 0.1, () => 0.1],
    ['penalty l2(rate * step) for "b"', () => 0, (p: number) => 0.5 * p],
  ])('%s', (statement, ofW, ofB) => {
    const run = new Run(line(`${statement}\n  optimizer sgd(0.1)`))
    const { loss, doubled } = run.entry('fit.step').outputs
    expect(loss!.data[0]).toBeCloseTo(g.loss, 10)
    expect(doubled!.data[0]).toBeCloseTo(2 * g.loss, 10)
    expect(run.entry('fit.evaluate').outputs.loss!.data[0]).toBeCloseTo(g.loss, 10)
    run.step()
    expectPoint(run.point(), {
      w: start.w.map((p, at) => p - 0.1 * (g.w[at]! + ofW(p))),
      b: start.b - 0.1 * (g.b + ofB(start.b)),
    })
  })

  test('takes functions of the file, and is clipped with the gradient', () => {
    const own = 'fn cubes(p: f32[...], by) -> f32 {\n  return by * sum(p * p * p)\n}\n'
    const run = new Run(own + line('penalty cubes(2.0) for "w"\n  clip value(0.01)\n  optimizer sgd(1.0)'))
    run.step()
    const { w } = run.point()
    expect(w[0]).toBeCloseTo(1 - 0.01 * Math.sign(g.w[0]! + 6), 10)
  })

  test.each([
    ['penalty l2(0.1) for "v"\n  optimizer sgd(0.1)', 'NN0235'],
    ['freeze "w"\n  penalty l2(0.1) for "w"\n  optimizer sgd(0.1)', 'NN0235'],
    ['penalty l3(0.1)\n  optimizer sgd(0.1)', 'NN0201'],
    ['penalty abs\n  optimizer sgd(0.1)', 'NN0249'],
    ['penalty 3.0\n  optimizer sgd(0.1)', 'NN0249'],
    ['penalty l2("much")\n  optimizer sgd(0.1)', 'NN0211'],
  ])('%s is a mistake', (statement, code) => {
    const codes = codesOf(line(statement))
    expect(codes[0]?.slice(0, 4)).toBe('NN02')
    if (code !== 'NN0211') expect(codes).toEqual([code])
  })

  test('does not belong in a model', () => {
    expect(codesOf('model M(x: f32[B]) -> f32[B] {\n  penalty l2(0.1)\n  return x\n}')).toContain('NN0217')
  })
})

describe('clip norm', () => {
  test('scales each gradient by its own norm', () => {
    const start = { w: [1, 1], b: 0.5 }
    const g = slopes(start)
    const run = new Run(line('clip norm(0.5)\n  optimizer sgd(0.1)'))
    run.step()
    const scale = (norm: number) => Math.min(1, 0.5 / (norm + 1e-6))
    expectPoint(run.point(), {
      w: start.w.map((p, at) => p - 0.1 * g.w[at]! * scale(Math.hypot(...g.w))),
      b: start.b - 0.1 * g.b * scale(Math.abs(g.b)),
    })
  })
})

describe('average', () => {
  const move = (from: Point, to: Point, part: number): Point => ({
    w: from.w.map((value, at) => value + part * (to.w[at]! - value)),
    b: from.b + part * (to.b - from.b),
  })
  const descend = (at: Point, g: Point): Point => ({ w: at.w.map((p, k) => p - 0.1 * g.w[k]!), b: at.b - 0.1 * g.b })

  test('the parameters are the corrected running mean of what the optimizer works on', () => {
    const run = new Run(line('optimizer sgd(0.1)\n  average ema(0.9)'))
    let own: Point = { w: [1, 1], b: 0.5 }
    let mean = own
    for (let step = 1; step <= 6; step++) {
      const g = slopes(own)
      expect(run.step()).toBeCloseTo(g.loss, 10)
      own = descend(own, g)
      mean = move(mean, own, (1 - 0.9) / (1 - 0.9 ** step))
      expectPoint(run.point(), mean)
      expect(run.entry('fit.evaluate').outputs.loss!.data[0]).toBeCloseTo(slopes(mean).loss, 10)
      const predicted = rows.map((row) => row[0]! * mean.w[0]! + row[1]! * mean.w[1]! + mean.b)
      for (const name of ['predict', 'Line'])
        expect([...run.entry(name).outputs.output!.data].map((value) => value.toFixed(9))).toEqual(
          predicted.map((value) => value.toFixed(9)),
        )
    }
    // After the first step the mean is what the optimizer has; a bound of 0 keeps it so.
    const latest = new Run(line('optimizer sgd(0.1)\n  average ema(0.0)'))
    const plain = new Run(line('optimizer sgd(0.1)'))
    for (let step = 0; step < 3; step++) expect(latest.step()).toBeCloseTo(plain.step(), 12)
    expectPoint(latest.point(), plain.point())
  })

  test('what the optimizer works on and its states belong to the optimizer, the average to the parameters', () => {
    const program = programOf(line('optimizer adam(0.1) for "w"\n  optimizer sgd(0.1)\n  average ema(0.9)'))
    const kinds = Object.fromEntries(program.variables.map(({ name, kind }) => [name, kind]))
    expect(kinds).toMatchObject({
      w: 'parameter',
      b: 'parameter',
      'fit/w/iterate': 'optimizer',
      'fit/w/m': 'optimizer',
    })
    expect(program.variables.filter(({ kind }) => kind === 'state')).toEqual([])
    const reads = (entry: string) =>
      entryOf(program, entry).values.flatMap(({ form }) =>
        form.kind === 'operation' && form.op === 'variable' ? [form.attributes.name] : [],
      )
    expect(reads('fit.evaluate')).not.toContain('fit/w/iterate')
    expect(reads('predict').toSorted()).toEqual(['b', 'w'])
  })

  test('with accumulation it moves once in a group', () => {
    const run = new Run(line('optimizer sgd(0.1)\n  average ema(0.9)\n  accumulate 2'))
    let own: Point = { w: [1, 1], b: 0.5 }
    let mean = own
    for (let step = 1; step <= 3; step++) {
      const g = slopes(own)
      run.step()
      expectPoint(run.point(), mean)
      run.step()
      own = descend(own, g)
      mean = move(mean, own, (1 - 0.9) / (1 - 0.9 ** step))
      expectPoint(run.point(), mean)
    }
  })

  test('frozen parameters, and models that are only read, keep their values', () => {
    const text = `${line('optimizer sgd(0.1)').replace(/train fit[\s\S]*$/, '')}
model Other(x: f32[Batch, 2]) -> f32[Batch] {
  param v: f32[2] = constant(0.5)
  return x @ v
}
train fit(x: f32[Batch, 2], y: f32[Batch]) {
  loss mean_squared_error(Line(x) + stop_gradient(Other(x)), y)
  optimizer sgd(0.1)
  freeze "Line.b"
  average ema(0.9)
}`
    const averaged = new Run(text)
    const plain = new Run(text.replace('average ema(0.9)', ''))
    expect(Object.keys(averaged.variables).filter((name) => name.endsWith('iterate'))).toEqual(['fit/Line.w/iterate'])
    // The loss of a step is that of the optimizer's own values, the same with and without the average.
    for (let step = 0; step < 4; step++) expect(averaged.step()).toBeCloseTo(plain.step(), 12)
    expect([...Array.from(averaged.variables['Other.v']!)]).toEqual([0.5, 0.5])
    expect(averaged.variables['Line.b']![0]).toBe(0.5)
    expect([...Array.from(averaged.variables['fit/Line.w/iterate']!)]).toEqual([
      ...Array.from(plain.variables['Line.w']!),
    ])
  })

  test('begins where loaded parameters are', () => {
    const run = new Run(line('optimizer sgd(0.1)\n  average ema(0.9)'))
    const loaded = { w: [-1, 2], b: 3 }
    run.variables = { ...run.variables, w: loaded.w, b: [loaded.b] }
    expect(run.step()).toBeCloseTo(slopes(loaded).loss, 10)
    expectPoint(run.point(), descend(loaded, slopes(loaded)))
  })

  test('compiled, it is what the interpreter computes; in loops too', async () => {
    const text = `model Net(x: f32[Batch, 4, 2]) -> f32[Batch, 3] {
  use cell = GruCell(3)
  let start: f32[Batch, 3] = zeros
  return scan step in x over 4 carry h = start {
    yield carry cell(step, h)
  }
}
train fit(x: f32[Batch, 4, 2], y: f32[Batch, 3]) {
  loss mean_squared_error(Net(x), y)
  penalty elastic(0.01, 0.02) for "**.weight_*"
  optimizer adam(0.05)
  clip norm(1.0)
  average ema(0.8)
  accumulate 2
}`
    const { graphs, diagnostics } = await compile(text, { file: 'fit.nn', stopAfter: 'hoist' })
    expect(diagnostics).toEqual([])
    const chosen = ['init', 'fit.step'].map((name) => graphs!.graphs.find((graph) => graph.name === name)!)
    const runner = await compileGraphs(chosen)
    const x = Array.from({ length: 16 }, (_, at) => Math.sin(at))
    let variables: Variables = { ...runner.run(chosen[0]!, { seed: 2 }).updates }
    for (let step = 0; step < 5; step++) {
      const feed = { inputs: { x, y: [0.1, 0.2, 0.3, -0.1, 0, 0.4] }, dims: { Batch: 2 }, variables, step }
      const { updates } = runner.run(chosen[1]!, feed)
      expect(difference({ outputs: {}, updates }, { ...interpret(chosen[1]!, feed), outputs: {} })).toBeUndefined()
      variables = { ...variables, ...updates }
    }
  })

  test.each([
    ['average ema(1.0)', 'NN0245'],
    ['average ema(-0.5)', 'NN0245'],
    ['average mean(0.5)', 'NN0245'],
    ['average ema', 'NN0245'],
    ['average ema(0.9)\n  average ema(0.99)', 'NN0202'],
  ])('%s is a mistake', (statement, code) => {
    expect(codesOf(line(`optimizer sgd(0.1)\n  ${statement}`))).toEqual([code])
  })

  test('two train blocks may share averaged parameters as long as one trains them', () => {
    const second = (statements: string) => `${line('optimizer sgd(0.1)\n  average ema(0.9)')}
train again(x: f32[Batch, 2]) {
  loss mean(Line(x))
  optimizer sgd(0.1)
  ${statements}
}`
    expect(codesOf(second(''))).toEqual(['NN0251'])
    expect(codesOf(second('freeze "w"'))).toEqual(['NN0251'])
    const apart = second('freeze "w"').replace('average', 'freeze "b"\n  average')
    // Unused constants only.
    expect(codesOf(apart)).toEqual(['NN0270', 'NN0270'])
  })
})
