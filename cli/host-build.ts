import { supports } from '../runtime/engine.ts'
import type { SimdBuild } from '../runtime/manifest.ts'

/**
 * The fastest build this process can run. Switches relaxed SIMD on where the engine keeps it behind a flag (Node 20):
 * a command owns its process, so it may. To be called before any module is compiled.
 */
export async function hostBuild(): Promise<SimdBuild> {
  if (supports('relaxed')) return 'relaxed'
  const { setFlagsFromString } = await import('node:v8')
  setFlagsFromString('--experimental-wasm-relaxed-simd')
  return supports('relaxed') ? 'relaxed' : 'plain'
}
