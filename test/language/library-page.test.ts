import { expect, test } from 'vitest'
import { libraryFamilies, missingParts } from '../../compiler/documentation/library.ts'
import { libraryMarkdown } from '../../compiler/documentation/library-page.ts'

const items = libraryFamilies().flatMap((family) => family.items)

test('docs/library.md is made from compiler/stdlib (npx vitest run test/language/library-page.test.ts -u writes it anew)', async () => {
  await expect(libraryMarkdown()).toMatchFileSnapshot('../../docs/library.md')
})

test('every item of the library says what it is, with a formula, shapes and a source (CONTRIBUTING.md shows how)', () => {
  const lacking = items.flatMap((item) => {
    const parts = missingParts(item)
    return parts.length === 0 ? [] : [`${item.file}:${item.line} ${item.name} lacks ${parts.join(', ')}`]
  })
  expect(lacking).toEqual([])
})

test('what is missing is named', () => {
  const [relu] = items.filter(({ name }) => name === 'relu')
  const { formula, source, ...rest } = relu!
  expect(missingParts({ ...rest, text: [] })).toEqual(['a description', '`Formula:`', '`Source:`'])
  expect(missingParts({ ...relu!, signature: 'fn relu(x)' })).toEqual(['`Shapes:`'])
})

test('the page links every item to its section', () => {
  const page = libraryMarkdown()
  const anchors = new Set<string>()
  const repeated = new Map<string, number>()
  for (const [, heading] of page.matchAll(/^#+ (.+)$/gm)) {
    const plain = heading!.toLowerCase().replaceAll(' ', '-')
    const count = repeated.get(plain) ?? 0
    repeated.set(plain, count + 1)
    anchors.add(count === 0 ? plain : `${plain}-${count}`)
  }
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, target]) => target!)
  expect(links.length).toBeGreaterThan(items.length)
  expect(links.filter((target) => !anchors.has(target))).toEqual([])
})
