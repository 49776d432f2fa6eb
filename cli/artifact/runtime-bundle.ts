import { readFileSync } from 'node:fs'
import type { RuntimeBundle } from './artifact.ts'

/** The runtime as the package's build left it in `dist/runtime/`, seen from `dist/` or from the sources. */
export function readRuntimeBundle(): RuntimeBundle {
  for (const folder of ['../../runtime/', '../../dist/runtime/']) {
    try {
      return { code: read(`${folder}artifact-runtime.js`), types: read(`${folder}artifact-types.d.ts`) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  throw new Error('internal: dist/runtime/artifact-runtime.js is missing; run `npm run build`')
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}
