import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkText, entryOf, outputType, programOf, variablesOf } from './check-text.ts'

const example = (name: string) => readFileSync(new URL(`../../examples/${name}/${name}.nn`, import.meta.url), 'utf8')

describe('the examples', () => {
  test.each(['xor', 'iris', 'digits', 'lenet', 'resnet', 'spam'])('%s has no mistakes and no warnings', (name) => {
    expect(checkText(example(name)).rendered).toBe('')
  })

  test('digits expands to its entry points', () => {
    const program = programOf(example('digits'), { Hidden: 256 })
    expect(program.entries.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'init init',
      'step fit.step',
      'evaluate fit.evaluate',
      'infer classify',
      'infer Digits',
    ])
    expect(variablesOf(program).filter((line) => !/^(?:optimizer|total)/.test(line))).toEqual([
      'parameter fc1.w: f32[256, 784]',
      'parameter fc1.b: f32[256]',
      'parameter fc2.w: f32[10, 256]',
      'parameter fc2.b: f32[10]',
    ])
    expect(outputType(program, 'classify')).toBe('f32[Batch, 10]')
    expect(entryOf(program, 'fit.step').outputs.map(({ name }) => name)).toEqual(['loss', 'accuracy'])
    expect(program.dims).toEqual([{ name: 'Batch', minimum: 1, maximum: 512 }])
    expect(program.hypers).toEqual([{ name: 'lr', default: 2e-3, minimum: 1e-5, maximum: 1e-1, scale: 'log' }])
    expect(program.trains).toEqual([
      {
        name: 'fit',
        data: 'digits',
        batchDim: 'Batch',
        batch: expect.any(Number),
        epochs: expect.any(Number),
        seed: 1,
        stop: { part: 'valid', metric: 'loss', epochs: 3 },
        metrics: [{ name: 'accuracy', over: 'epoch', scalar: true, better: 'higher', unit: 'percent' }],
      },
    ])
  })

  test('a step updates every parameter, its two moments, and the count of steps', () => {
    const step = entryOf(programOf(example('xor')), 'fit.step')
    const trained = step.updates.filter(({ variable }) => !variable.startsWith('fit/metric '))
    expect(trained.map(({ variable }) => variable).sort()).toEqual(
      ['hidden.b', 'hidden.w', 'out.b', 'out.w']
        .flatMap((name) => [name, `fit/${name}/m`, `fit/${name}/v`])
        .concat('fit/step')
        .sort(),
    )
  })

  test('evaluation computes loss and metrics and changes nothing but the totals of metrics', () => {
    const program = programOf(example('digits'))
    const evaluate = entryOf(program, 'fit.evaluate')
    expect(evaluate.updates.every(({ variable }) => variable.startsWith('fit/metric accuracy/'))).toBe(true)
    expect(evaluate.values.some(({ form }) => form.kind === 'operation' && form.op === 'uniform')).toBe(false)
    const step = entryOf(program, 'fit.step')
    expect(step.values.filter(({ form }) => form.kind === 'operation' && form.op === 'uniform')).toHaveLength(1)
  })

  test('init gives every variable its first value', () => {
    const program = programOf(example('digits'))
    expect(entryOf(program, 'init').updates.map(({ variable }) => variable)).toEqual(
      program.variables.map(({ name }) => name),
    )
  })

  test('no value refers to a later one, and every span is in the user’s file', () => {
    for (const name of ['xor', 'iris', 'digits']) {
      for (const entry of programOf(example(name)).entries) {
        for (const [id, { form, span }] of entry.values.entries()) {
          if (form.kind === 'operation') for (const operand of form.operands) expect(operand).toBeLessThan(id)
          expect(span.file).toBe('test.nn')
        }
      }
    }
  })
})

test('random sites are unique, and unrelated code does not move them', () => {
  const sites = (text: string): number[] =>
    programOf(text).entries.flatMap((entry) =>
      entry.values.flatMap(({ form }) =>
        form.kind === 'operation' && (form.op === 'uniform' || form.op === 'normal') ? [form.attributes.site] : [],
      ),
    )
  const before = sites(example('digits'))
  expect(new Set(before).size).toBe(before.length)
  const longer = example('digits').replace('|> relu |>', '|> extra: Linear(Hidden) |> relu |>')
  expect(sites(longer).filter((site) => before.includes(site))).toHaveLength(before.length)
})
