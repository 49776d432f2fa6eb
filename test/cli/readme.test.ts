import { readFileSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('the first file of the README is the xor example', () => {
  expect(read('README.md')).toContain(`\`\`\`nn\n${read('examples/xor/xor.nn')}\`\`\``)
})

test('the README’s commands and links lead somewhere', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const text = ['README.md', 'CONTRIBUTING.md'].map(read).join('\n')
  for (const [, name] of text.matchAll(/npm run (\w+)/g)) expect(scripts).toHaveProperty(name!)
  for (const [, target] of text.matchAll(/\]\((?!http)([^)]+)\)/g))
    expect(() => readFileSync(new URL(`../../${target}`, import.meta.url)), target).not.toThrow(/ENOENT/)
})

test.skipIf(process.platform === 'win32')('the built command can be run, as `npx nnc` in a checkout does', () => {
  expect(statSync(new URL('../../dist/cli/main.js', import.meta.url)).mode & 0o111).toBe(0o111)
})
