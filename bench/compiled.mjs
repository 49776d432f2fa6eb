// Modules of the workloads, compiled once into a folder: contestants only load them, as a program does that uses a model.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from '../dist/compiler/index.js'
import { importSource } from './import-source.mjs'
import { sourceOf } from './sources.mjs'

/** The SIMD builds this compiler makes. */
export async function simdBuilds() {
  const { buildNames } = await importSource('runtime/builds.ts')
  return buildNames.filter((build) => !build.endsWith('-threads'))
}

/** Compiles a workload; gives the path of the module by build. */
export async function compileWorkload(name, workload, builds, folder) {
  const { modules, diagnostics } = await compile(sourceOf(workload), { file: `${name}.nn`, builds })
  if (!modules) throw new Error(`${name}: ${diagnostics.map(({ message }) => message).join('\n')}`)
  return Object.fromEntries(
    builds.map((build) => [build, write(join(folder, `${name}.${build}.wasm`), modules[build])]),
  )
}

/** The modules that measure what the machine can do: path and operations of one call by build. */
export async function compileProbes(builds, folder) {
  const { limitProbe } = await importSource('cli/measure/machine-limits.ts')
  const probes = {}
  for (const build of builds) {
    const { wasm, operations } = await limitProbe(build)
    probes[build] = { file: write(join(folder, `peak.${build}.wasm`), wasm), operations: operations(4000) }
  }
  return probes
}

function write(path, wasm) {
  writeFileSync(path, wasm)
  return path
}
