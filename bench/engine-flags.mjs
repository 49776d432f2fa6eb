// What the engine keeps behind flags and a build needs; to be called before any module is compiled.
import v8 from 'node:v8'

/** @param file a module whose name has its build between dots, as `W1.relaxed.wasm` */
export function switchOn(file) {
  // On by default from Node 21 on, where the flag no longer exists.
  if (!file.includes('.plain') && process.version.startsWith('v20.'))
    v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
  if (file.includes('.wide')) v8.setFlagsFromString('--experimental-wasm-revectorize')
}
