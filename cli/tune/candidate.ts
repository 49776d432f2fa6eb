import type { BuildName, SimdBuild } from '../../runtime/manifest.ts'

/** One way to compile and run a file. */
export interface Candidate {
  readonly simd: SimdBuild
  readonly threads: number
  /** False: 3×3 convolutions are computed as they are written. */
  readonly winograd: boolean
}

/** The module a candidate runs. */
export function buildOf({ simd, threads }: Candidate): BuildName {
  return threads > 1 ? `${simd}-threads` : simd
}

/** `relaxed build, 2 threads, without Winograd` */
export function describeCandidate({ simd, threads, winograd }: Candidate): string {
  return [
    `${simd} build`,
    threads === 1 ? 'one thread' : `${threads} threads`,
    ...(winograd ? [] : ['without Winograd']),
  ].join(', ')
}

/**
 * What is worth measuring against `usual`, which comes first. A build without fused multiplication is only tried alone:
 * if another cannot beat it on one thread, it will not on several.
 *
 * @param builds those this engine runs
 * @param winograd whether the file has convolutions that it changes
 */
export function candidatesFor(usual: Candidate, builds: readonly SimdBuild[], winograd: boolean): readonly Candidate[] {
  const counts = new Set([1, usual.threads])
  for (let count = 2; count < usual.threads; count *= 2) counts.add(count)
  const all = builds.flatMap((simd) =>
    [...counts]
      .filter((threads) => threads === 1 || simd !== 'plain' || builds.length === 1)
      .flatMap((threads) => (winograd ? [true, false] : [true]).map((own) => ({ simd, threads, winograd: own }))),
  )
  return [usual, ...all.filter((candidate) => !isSame(candidate, usual))]
}

export function isSame(one: Candidate, other: Candidate): boolean {
  return one.simd === other.simd && one.threads === other.threads && one.winograd === other.winograd
}
