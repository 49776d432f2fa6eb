import type { Manifest, ManifestTensor, ManifestTrain } from './manifest.ts'
import { elementCount } from './size.ts'

/** What the metrics of a train block have added up since an epoch began. */
export interface Totals {
  /** Takes what `init` has just written as what every epoch starts from. */
  remember(): void
  /** Starts an epoch. */
  begin(train: ManifestTrain): void
  /** Their words, and an epoch that goes on from such words. */
  read(train: ManifestTrain): Int32Array<ArrayBuffer>[]
  resume(train: ManifestTrain, words: readonly Int32Array[]): void
  /** Remembers them as they are; the result puts them back, so that measuring in between disturbs nothing. */
  keep(train: ManifestTrain): () => void
}

export function createTotals(manifest: Manifest, integers: Int32Array): Totals {
  const take = ({ shape, offset }: ManifestTensor): { start: number; words: Int32Array<ArrayBuffer> } => {
    const start = offset / 4
    return { start, words: integers.slice(start, start + elementCount(shape as number[])) }
  }
  const put = (parts: readonly { start: number; words: Int32Array }[]): void => {
    for (const { start, words } of parts) integers.set(words, start)
  }
  const first = new Map<ManifestTrain, ReturnType<typeof take>[]>()
  return {
    remember() {
      for (const train of manifest.trains) first.set(train, train.totals.map(take))
    },
    begin: (train) => put(first.get(train) ?? []),
    read: (train) => train.totals.map((total) => take(total).words),
    resume(train, words) {
      train.totals.forEach(({ offset }, index) => void integers.set(words[index]!, offset / 4))
    },
    keep(train) {
      const parts = train.totals.map(take)
      return () => put(parts)
    },
  }
}
