import type { BuildName, SimdBuild } from './manifest.ts'

/** In the order in which they are wanted, of one kind of SIMD each. */
export const buildNames: readonly BuildName[] = [
  'plain',
  'relaxed',
  'wide',
  'plain-threads',
  'relaxed-threads',
  'wide-threads',
]

export const simdNames: readonly SimdBuild[] = ['plain', 'relaxed', 'wide']

/** The part of a build's name that says which SIMD it has. */
export function simdOf(build: BuildName): SimdBuild {
  return simdNames.find((simd) => build.startsWith(simd))!
}

export function isThreaded(build: BuildName): boolean {
  return build.endsWith('-threads')
}
