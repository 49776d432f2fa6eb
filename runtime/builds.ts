import type { BuildName, SimdBuild } from './manifest.ts'

/** In the order in which they are wanted, of one kind of SIMD each. */
export const buildNames: readonly BuildName[] = ['plain', 'relaxed', 'plain-threads', 'relaxed-threads']

/** The part of a build's name that says which SIMD it has. */
export function simdOf(build: BuildName): SimdBuild {
  return build.startsWith('relaxed') ? 'relaxed' : 'plain'
}

export function isThreaded(build: BuildName): boolean {
  return build.endsWith('-threads')
}
