import { buildNames } from '../../runtime/builds.ts'
import type { BuildName, Manifest } from '../../runtime/manifest.ts'
import { declarationText } from './declaration.ts'
import { moduleText } from './module.ts'

/** The runtime as `scripts/bundle-runtime.mjs` makes it. */
export interface RuntimeBundle {
  readonly code: string
  readonly types: string
}

export interface ArtifactOptions {
  readonly manifest: Manifest
  /** The plain build is always there. */
  readonly modules: Readonly<Partial<Record<BuildName, Uint8Array>>>
  readonly runtime: RuntimeBundle
  /** Put the modules into the .js as base64 instead of beside it. */
  readonly inline?: boolean
}

/**
 * The files of an artifact, by name: `<name>.wasm`, `<name>.relaxed.wasm` and the other builds (unless inline), `<name>.js`,
 * `<name>.d.ts` and `<name>.worker.js`. Together they need no package: Node and pages import the .js as it is.
 */
export function artifactFiles(options: ArtifactOptions): ReadonlyMap<string, string | Uint8Array> {
  const { manifest, modules } = options
  const files = new Map<string, string | Uint8Array>()
  const { name } = manifest
  if (!options.inline) {
    for (const build of buildNames) {
      const wasm = modules[build]
      if (wasm) files.set(wasmName(name, build), wasm)
    }
  }
  files.set(`${name}.js`, moduleText(options))
  files.set(`${name}.d.ts`, declarationText(manifest, options.runtime.types))
  files.set(`${name}.worker.js`, workerText(name))
  return files
}

/** `digits.wasm`, `digits.relaxed.wasm` */
export function wasmName(name: string, build: BuildName): string {
  return build === 'plain' ? `${name}.wasm` : `${name}.${build}.wasm`
}

function workerText(name: string): string {
  return `import { create, serveModel } from './${name}.js'\nserveModel(create)\n`
}
