import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const root = join(import.meta.dirname, '../..')

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.nn'))
    .sort()
    .map((name) => join(folder, name))
}

/** Every sound source file of the project: the standard library, the examples and the parser's own fixtures. */
export const corpus = ['compiler/stdlib', 'examples', 'test/fixtures/parse'].flatMap(files).map((path) => ({
  path,
  name: basename(path),
  text: readFileSync(join(root, path), 'utf8'),
}))

/** A syntax tree as text, without where it came from. */
export function shapeOf(tree: unknown): string {
  return JSON.stringify(tree, (key, value) =>
    key === 'span' || key === 'operatorSpan' || key === 'comments' ? undefined : value,
  )
}

/** A small seeded generator (Lehmer 1951): the next number below `limit`. */
export function random(seed: number): (limit: number) => number {
  let state = (seed % 2147483646) + 1
  return (limit) => {
    state = (state * 48271) % 2147483647
    return state % limit
  }
}
