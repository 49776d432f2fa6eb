// The runtime as it goes into artifacts: minified code that leaves `runtime` as one variable, and its types as the text
// of a declaration file.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** @returns {{ code: string, types: string }} */
export function bundleRuntime() {
  const { outputFiles } = buildSync({
    entryPoints: [join(root, 'runtime/index.ts')],
    bundle: true,
    minify: true,
    format: 'iife',
    globalName: 'runtime',
    target: 'es2022',
    charset: 'utf8',
    write: false,
  })
  // Both files hold nothing but types, so their text without the imports is a declaration file.
  const types = ['manifest.ts', 'api.ts'].map((file) =>
    readFileSync(join(root, 'runtime', file), 'utf8').replace(/^import type .*\n+/gm, ''),
  )
  return { code: outputFiles[0].text, types: types.join('\n') }
}
