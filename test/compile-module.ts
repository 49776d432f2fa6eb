import { setFlagsFromString } from 'node:v8'

/** With NNC_REVECTORISE set, on a Node that has a revectoriser, tests run the code that it makes of their modules. */
const revectorises = process.env.NNC_REVECTORISE !== undefined

/** Compiles a module; under NNC_REVECTORISE wholly by the optimizing compiler with the revectoriser, before its first call. */
export function compileModule(wasm: BufferSource): WebAssembly.Module {
  // Node 20 has relaxed SIMD behind a flag; newer versions take it as given.
  if (!WebAssembly.validate(wasm)) setFlagsFromString('--experimental-wasm-relaxed-simd')
  if (!revectorises) return new WebAssembly.Module(wasm)
  setFlagsFromString('--experimental-wasm-revectorize')
  setFlagsFromString('--no-liftoff')
  setFlagsFromString('--no-wasm-lazy-compilation')
  try {
    return new WebAssembly.Module(wasm)
  } finally {
    // The assembler is WebAssembly too, and is not what is tested.
    setFlagsFromString('--liftoff')
    setFlagsFromString('--wasm-lazy-compilation')
  }
}
