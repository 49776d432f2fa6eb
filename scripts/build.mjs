// Builds dist/: embeds the text libraries, compiles with tsc, puts in the parser toolkit as one module and the parsed
// standard library, joins the modules, and bundles the runtime for artifacts.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundlePackage } from './bundle-package.mjs'
import { bundleRuntime } from './bundle-runtime.mjs'
import { bundleToolkit } from './bundle-toolkit.mjs'
import { embed } from './embed.mjs'
import { parseLibrary } from './parse-library.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
embed()
rmSync(join(root, 'dist'), { recursive: true, force: true })
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')],
  {
    stdio: 'inherit',
    cwd: root,
  },
)
bundleToolkit(join(root, 'dist/compiler/1-parse'))
await parseLibrary(join(root, 'dist'))
bundlePackage(join(root, 'dist'))
// `npx nnc` in a checkout runs this file itself.
chmodSync(join(root, 'dist/cli/main.js'), 0o755)
const { code, types } = bundleRuntime()
writeFileSync(join(root, 'dist/runtime/artifact-runtime.js'), code)
writeFileSync(join(root, 'dist/runtime/artifact-types.d.ts'), types)
