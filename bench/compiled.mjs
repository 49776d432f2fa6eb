// Modules of the workloads, compiled once into a folder: contestants only load them, as a program does that uses a model.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile, exportOnnx } from '../dist/compiler/index.js'
import { load } from '../dist/runtime/index.js'
import { importSource } from './import-source.mjs'
import { stepOf } from './model-step.mjs'
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

/** Writes a prediction with the workload's weights as `nnc export` does; gives the path. */
export async function exportPrediction(name, workload, plainModule, folder) {
  const model = await load(readFileSync(plainModule))
  stepOf(model, workload)
  const { variables } = model
  const compilation = await compile(sourceOf(workload), { file: `${name}.nn`, stopAfter: 'graph' })
  const { model: written, diagnostics } = await exportOnnx(compilation, {
    entry: 'Net',
    variables: Object.fromEntries(variables.names.map((own) => [own, variables.get(own)])),
  })
  if (!written) throw new Error(`${name}: ${diagnostics.map(({ message }) => message).join('\n')}`)
  return write(join(folder, `${name}.nnc.onnx`), written.bytes)
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

function write(path, bytes) {
  writeFileSync(path, bytes)
  return path
}
