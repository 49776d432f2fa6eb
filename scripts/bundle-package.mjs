// Joins the compiled modules into a few files: the command starts in two thirds of the time when it need not find and
// open a hundred of them. What is imported on demand (`import()`) stays a file of its own.
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const entries = ['cli/main.js', 'compiler/index.js', 'runtime/index.js']

/** @param {string} folder the package's `dist`, as tsc has left it; afterwards only `entries` and `chunks/` hold code */
export function bundlePackage(folder) {
  const { metafile } = buildSync({
    entryPoints: entries.map((entry) => join(folder, entry)),
    outdir: folder,
    outbase: folder,
    chunkNames: 'chunks/[name]-[hash]',
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    metafile: true,
    absWorkingDir: root,
    logLevel: 'warning',
  })
  const written = new Set(Object.keys(metafile.outputs).map((file) => join(root, file)))
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name)
    const ofCommand = relative(folder, file).startsWith('cli') && name.endsWith('.d.ts')
    if (ofCommand || (name.endsWith('.js') && !written.has(file))) rmSync(file)
  }
}
