// Builds dist/: embeds the text libraries, then compiles with tsc.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { embed } from './embed.mjs'

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
