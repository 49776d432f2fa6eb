// Puts the standard library's syntax trees into a built compiler, so that checking a file need not parse it first.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** @param {string} folder the built package's `dist` */
export async function parseLibrary(folder) {
  const load = (path) => import(pathToFileURL(join(folder, 'compiler', path)).href)
  const [{ parse }, { standardLibrary }] = await Promise.all([load('1-parse/parse.js'), load('generated/library.js')])
  const trees = Object.entries(standardLibrary).map(([name, text]) => {
    const { ast, diagnostics } = parse(text, `std/${name}`)
    if (diagnostics.length > 0) throw new Error(`std/${name}: ${diagnostics[0].message}`)
    return ast
  })
  const text = JSON.stringify(JSON.stringify(trees))
  writeFileSync(
    join(folder, 'compiler/generated/library-trees.js'),
    `export const libraryTrees = JSON.parse(${text})\n`,
  )
}
