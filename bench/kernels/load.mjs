// Compiles the kernel library as it stands, through the compiler's own assembler, for the measurements beside this file.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import v8 from 'node:v8'
import { importSource, root } from '../import-source.mjs'

const kernels = Object.fromEntries(
  readdirSync(join(root, 'asm'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name, readFileSync(join(root, 'asm', name), 'utf8')]),
)

/** The main file's exports, instantiated. `kernelOverrides` replaces library files, to compare variants. */
export async function instantiate(source, { build: buildName, memoryBytes, kernelOverrides = {} }) {
  const { assemble } = await importSource('compiler/6-emit/assemble.ts')
  const { wasm } = await assemble(source, {
    build: buildName,
    manifest: {},
    kernels: { ...kernels, ...kernelOverrides },
    memoryBytes: memoryBytes + 4096,
    constants: { offset: memoryBytes, bytes: 4096 },
    names: true,
  })
  // Node 20 has relaxed SIMD behind a flag; newer versions take it as given.
  if (buildName === 'wide') v8.setFlagsFromString('--experimental-wasm-revectorize')
  if (!WebAssembly.validate(wasm)) v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
  const { instance } = await WebAssembly.instantiate(wasm)
  return instance.exports
}

/**
 * Calls each of `contestants` ({name: function}) in turn for `rounds` rounds of at least `milliseconds` each; the fastest round counts, since
 * everything else on a shared machine only ever adds. Returns nanoseconds per call by name.
 */
export function fastest(contestants, { rounds = 40, milliseconds = 3 } = {}) {
  const best = Object.fromEntries(Object.keys(contestants).map((name) => [name, Infinity]))
  const repeats = {}
  for (const [name, run] of Object.entries(contestants)) {
    const warming = performance.now()
    for (let i = 0; i < 20 && performance.now() - warming < 200; i++) run()
    const begun = performance.now()
    run()
    repeats[name] = Math.max(1, Math.ceil(milliseconds / Math.max(1e-4, performance.now() - begun)))
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const begun = process.hrtime.bigint()
      for (let i = 0; i < repeats[name]; i++) run()
      best[name] = Math.min(best[name], Number(process.hrtime.bigint() - begun) / repeats[name])
    }
  }
  return best
}
