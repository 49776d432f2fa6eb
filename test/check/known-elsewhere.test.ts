import { describe, expect, test } from 'vitest'
import { builtins } from '../../compiler/2-check/builtins/table.ts'
import { knownElsewhere, writtenHere } from '../../compiler/2-check/known-elsewhere.ts'
import { checkText, library } from './check-text.ts'

const ours = new Set([
  ...builtins.keys(),
  ...library.flatMap((file) => file.declarations.flatMap((own) => ('name' in own ? [own.name.text] : []))),
])
/** A word of the language that stands before a parenthesis, and the model that a remedy declares. */
const others = new Set(['repeat', 'Net'])

describe('names of other frameworks', () => {
  test.each(Object.entries(writtenHere))('%s: `%s` is made of what there is', (name, remedy) => {
    const called = /^\w+$/.test(remedy) ? [remedy] : [...remedy.matchAll(/[A-Za-z]\w*(?=\()/g)].map(([word]) => word)
    expect(called.filter((word) => !ours.has(word) && !others.has(word))).toEqual([])
    expect(name).toMatch(/^[a-z0-9]+$/)
  })

  test('are explained whatever their case and underscores', () => {
    expect(knownElsewhere('BatchNormalization')).toBe('BatchNorm')
    expect(knownElsewhere('batch_normalization')).toBe('BatchNorm')
    expect(knownElsewhere('constructor')).toBeUndefined()
  })

  test('stand before what is spelt alike', () => {
    const { rendered } = checkText(`train fit(x: f32[Batch, 2], y: f32[Batch, 2]) {
  loss mse(x |> Dense(2), y)
  optimizer SGDW(lr = 0.1)
}
`)
    expect(rendered).toContain('help: here one writes `mean_squared_error`')
    expect(rendered).toContain('help: here one writes `Linear`')
  })

  test('a name the file declares is taken as it is', () => {
    const { rendered } = checkText(`fn mse(a: f32[...]) -> f32 { return mean(a ^ 2) }
infer error(a: f32[Batch]) -> f32 { return mse(a) }
`)
    expect(rendered).toBe('')
  })
})
