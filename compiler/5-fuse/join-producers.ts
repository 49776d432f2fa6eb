import { buffersRead, buffersWritten } from './draft.ts'
import { type MergeContext, mergeInto } from './merge.ts'
import { readsOf, type Step, writesOf } from './step.ts'

/**
 * Merges kernels with later ones that read their results, where nothing between the two does: a kernel reads from
 * several others, but when it was placed it could join one of them only. What is joined runs at the later place.
 */
export function joinProducers(steps: readonly Step[], context: MergeContext): Step[] {
  const joined: (Step | undefined)[] = [...steps]
  const writers = new Map<number, number[]>()
  const readers = new Map<number, number[]>()
  steps.forEach((step, at) => {
    for (const buffer of writesOf(step)) append(writers, buffer, at)
    for (const buffer of readsOf(step)) append(readers, buffer, at)
  })
  steps.forEach((step, at) => {
    if (step.kind !== 'draft') return
    const tried = new Set<number>([at])
    for (let producer = nearestProducer(at, tried); producer !== undefined; producer = nearestProducer(at, tried)) {
      tried.add(producer)
      const [host, guest] = [joined[producer], joined[at]]
      if (host?.kind !== 'draft' || guest?.kind !== 'draft' || host.guard !== guest.guard) continue
      if (readBetween(producer, at)) continue
      if (!mergeInto(host.draft, guest.draft, true, context)) continue
      joined[at] = host
      joined[producer] = undefined
      for (const buffer of buffersWritten(host.draft)) append(writers, buffer, at)
      for (const buffer of buffersRead(host.draft)) append(readers, buffer, at)
    }
  })
  return joined.filter((step) => step !== undefined)

  /** The last step before `at`, none of those tried, that writes what the step at `at` reads. */
  function nearestProducer(at: number, tried: ReadonlySet<number>): number | undefined {
    let nearest: number | undefined
    for (const buffer of readsOf(joined[at]!))
      for (const writer of writers.get(buffer) ?? [])
        if (writer < at && !tried.has(writer) && joined[writer] && (nearest === undefined || writer > nearest))
          nearest = writer
    return nearest
  }

  function readBetween(producer: number, at: number): boolean {
    return [...writesOf(joined[producer]!)].some((buffer) =>
      readers.get(buffer)?.some((reader) => reader > producer && reader < at && joined[reader]),
    )
  }
}

function append(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
