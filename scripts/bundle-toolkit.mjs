// Bundles the parser toolkit (chevrotain and what it uses, some 500 modules) into the one module our parser imports it
// through: loading it takes a fifth of the time. The licences of what is inside go beside it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** @param {string} folder where `toolkit.js` goes, over the one that only re-exports */
export function bundleToolkit(folder) {
  const { metafile } = buildSync({
    entryPoints: [join(root, 'compiler/1-parse/toolkit.ts')],
    outfile: join(folder, 'toolkit.js'),
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'neutral',
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    metafile: true,
    absWorkingDir: root,
    mainFields: ['module', 'main'],
    logLevel: 'warning',
  })
  const packages = new Set(
    Object.keys(metafile.inputs).flatMap((file) => file.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1] ?? []),
  )
  // Packages of one project share one text.
  const namesByText = new Map()
  for (const name of [...packages].sort()) {
    const home = join(root, 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
    const file = readdirSync(home).find((entry) => /^licen[sc]e/i.test(entry))
    const text = file ? readFileSync(join(home, file), 'utf8') : `${license}\n`
    namesByText.set(text, [...(namesByText.get(text) ?? []), `${name} ${version}`])
  }
  const notices = [...namesByText].map(([text, names]) => `${names.join('\n')}\n\n${text}`)
  writeFileSync(join(folder, 'toolkit.licences.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`))
}
