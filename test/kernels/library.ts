/** Compiles the kernel library with a small main file, for tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type AssemblyReport, assemble } from '../../compiler/6-emit/assemble.ts'
import type { BuildName, Manifest, SimdBuild } from '../../runtime/manifest.ts'
import { compileModule } from '../compile-module.ts'

const folder = new URL('../../asm/', import.meta.url)

export const kernels: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(fileURLToPath(folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
)

export const builds: readonly SimdBuild[] = ['plain', 'relaxed']

/** A manifest that describes nothing. */
export const emptyManifest = (build: BuildName): Manifest => ({
  ...{ format: 'nnc', version: 2, compiler: 'test', name: 'kernels', build },
  ...{ dims: [], entries: [], variables: [], hypers: [], trains: [], seedOffset: 0, stepOffset: 4 },
  memory: { variables: 0, inputs: 0, arena: 0, total: 0 },
})

export interface KernelModule {
  readonly memory: WebAssembly.Memory
  readonly report: AssemblyReport
  readonly module: Uint8Array
  /** An exported function. */
  call(name: string, ...values: readonly number[]): number
}

/** `constantBytes`: room for the vector constants of loops, behind the rest of the memory. */
export async function compileKernels(
  source: string,
  build: BuildName,
  memoryBytes: number,
  constantBytes = 4096,
): Promise<KernelModule> {
  const constants = { offset: memoryBytes, bytes: constantBytes }
  const assembled = await assemble(source, {
    ...{ build, manifest: emptyManifest(build), kernels, constants },
    memoryBytes: memoryBytes + constants.bytes,
  })
  const wasm = assembled.wasm as Uint8Array<ArrayBuffer>
  const instance = await WebAssembly.instantiate(compileModule(wasm))
  const exports = instance.exports as Record<string, CallableFunction>
  return {
    memory: instance.exports.memory as WebAssembly.Memory,
    report: assembled.report,
    module: wasm,
    call: (name, ...values) => exports[name]!(...values),
  }
}
