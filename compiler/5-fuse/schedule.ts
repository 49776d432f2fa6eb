/**
 * The order of execution, and where results live. Updates read the values from before: a variable is overwritten in
 * place when every other reader can come first and the kernel itself reads it only where it writes; otherwise the new
 * value waits in the arena and is copied at the end.
 */
import { affineEqual } from './affine.ts'
import { type Draft, operandsOf, reachable, stageRoots } from './draft.ts'
import { readsOf, type Step, writesOf } from './step.ts'

/** An update whose new value could be written straight over the variable. */
export interface UpdateCandidate {
  /** The graph buffer that holds the new value. */
  readonly buffer: number
  /** The graph buffer of the old value, if the graph reads it. */
  readonly old: number | undefined
}

export interface Schedule {
  readonly steps: readonly Step[]
  /** Buffers of candidates written in place. */
  readonly inPlace: ReadonlySet<number>
}

/**
 * Orders the steps: earlier positions first where free to choose, but a step that frees more memory than it takes at
 * once, so that a gradient is gone as soon as its parameter is updated. `bytesOf`: the memory a buffer takes while it
 * lives, 0 for one that has its place for good. `kept`: buffers read after the last step.
 */
export function schedule(
  steps: readonly Step[],
  candidates: readonly UpdateCandidate[],
  kept: ReadonlySet<number>,
  bytesOf: (buffer: number) => number,
): Schedule {
  const writers = new Map<number, number[]>()
  const readers = new Map<number, number[]>()
  const after: Set<number>[] = steps.map(() => new Set())
  steps.forEach((step, at) => {
    for (const buffer of writesOf(step)) append(writers, buffer, at)
    for (const buffer of readsOf(step)) append(readers, buffer, at)
  })
  for (const [buffer, at] of readers)
    for (const writer of writers.get(buffer) ?? [])
      for (const reader of at) if (reader !== writer) after[writer]!.add(reader)

  const inPlace = new Set<number>()
  for (const { buffer, old } of candidates) {
    const own = writers.get(buffer) ?? []
    if (own.length !== 1) continue
    const writer = own[0]!
    const others = old === undefined ? [] : (readers.get(old) ?? []).filter((reader) => reader !== writer)
    if (old !== undefined && readers.get(old)?.includes(writer) && !overwritesSafely(steps[writer]!, buffer, old))
      continue
    if (reaches(after, writer, others)) continue
    for (const reader of others) after[reader]!.add(writer)
    inPlace.add(buffer)
  }
  const bytes = (buffer: number): number => (inPlace.has(buffer) ? 0 : bytesOf(buffer))
  return { steps: topological(steps, after, memoryOf(steps, kept, bytes)).map((at) => steps[at]!), inPlace }
}

/** Every read of the old value is at the place the same iteration overwrites. */
function overwritesSafely(step: Step, buffer: number, old: number): boolean {
  if (step.kind !== 'draft') return false
  const { draft } = step
  const target = draft.stages.findIndex((stage) => stage.stores.some((store) => store.buffer === buffer))
  const stores = draft.stages[target]!.stores.filter((store) => store.buffer === buffer)
  if (stores.length !== 1 || stores[0]!.accumulate) return false
  return draft.stages.every((stage, at) =>
    reachable(draft.values, stageRoots(stage)).every((id) => {
      const value = draft.values[id]!
      if (value.kind !== 'load' || value.buffer !== old) return true
      return at <= target && affineEqual(value.offset, stores[0]!.offset)
    }),
  )
}

/** Whether one of the targets can be reached from `start`. */
function reaches(after: readonly ReadonlySet<number>[], start: number, targets: readonly number[]): boolean {
  if (targets.length === 0) return false
  const wanted = new Set(targets)
  const seen = new Set([start])
  const pending = [start]
  while (pending.length > 0) {
    for (const next of after[pending.pop()!]!) {
      if (wanted.has(next)) return true
      if (!seen.has(next)) {
        seen.add(next)
        pending.push(next)
      }
    }
  }
  return false
}

/** What running a step does to the memory in use, as the steps before it have run. */
interface MemoryUse {
  /** Bytes taken less bytes freed if the step ran next. */
  change(step: number): number
  /** Notes that a step has run; the steps whose change is another now. */
  run(step: number): number[]
}

function memoryOf(steps: readonly Step[], kept: ReadonlySet<number>, bytesOf: (buffer: number) => number): MemoryUse {
  /** Buffer → the steps still to run that use it. */
  const users = new Map<number, Set<number>>()
  const used = steps.map((step, at) => {
    const buffers = [...new Set([...readsOf(step), ...writesOf(step)])].filter((buffer) => bytesOf(buffer) > 0)
    for (const buffer of buffers) {
      const known = users.get(buffer)
      if (known) known.add(at)
      else users.set(buffer, new Set([at]))
    }
    return buffers
  })
  const alive = new Set<number>()
  return {
    change(step) {
      let change = 0
      for (const buffer of used[step]!) {
        if (!alive.has(buffer)) change += bytesOf(buffer)
        if (users.get(buffer)!.size === 1 && !kept.has(buffer)) change -= bytesOf(buffer)
      }
      return change
    },
    run(step) {
      return used[step]!.flatMap((buffer) => {
        alive.add(buffer)
        const left = users.get(buffer)!
        left.delete(step)
        return left.size === 1 ? [...left] : []
      })
    },
  }
}

function topological(steps: readonly Step[], after: readonly ReadonlySet<number>[], memory: MemoryUse): number[] {
  const before = new Int32Array(after.length)
  for (const next of after) for (const at of next) before[at]!++
  const ready: number[] = []
  const freeing: number[] = []
  const done = new Uint8Array(after.length)
  const order: number[] = []
  const add = (at: number): void => {
    insertDescending(ready, at)
    if (memory.change(at) < 0) freeing.push(at)
  }
  for (let at = after.length - 1; at >= 0; at--) if (before[at] === 0) add(at)
  while (order.length < steps.length) {
    const at = freeing.pop() ?? ready.pop()
    if (at === undefined) throw new Error('internal: fuse: the kernels depend on each other in a circle')
    if (done[at]) continue
    done[at] = 1
    order.push(at)
    for (const last of memory.run(at))
      if (before[last] === 0 && !done[last] && memory.change(last) < 0) freeing.push(last)
    for (const next of after[at]!) if (--before[next]! === 0) add(next)
  }
  return order
}

function insertDescending(sorted: number[], value: number): void {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! > value) low = middle + 1
    else high = middle
  }
  sorted.splice(low, 0, value)
}

function append(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

/** Drops stores nobody reads and what only they needed; `kept` are buffers read after the last step. */
export function dropDeadStores(steps: readonly Step[], kept: ReadonlySet<number>): Step[] {
  const needed = new Set(kept)
  const live: Step[] = []
  for (const step of [...steps].reverse()) {
    if (step.kind === 'draft') {
      dropDeadStages(step.draft, needed)
      if (step.draft.stages.length === 0) continue
    }
    if (step.kind === 'library' && !needed.has(step.node)) continue
    for (const buffer of readsOf(step)) needed.add(buffer)
    live.push(step)
  }
  return live.reverse()
}

function dropDeadStages(draft: Draft, needed: Set<number>): void {
  const usedValues = new Set<number>()
  for (const stage of [...draft.stages].reverse()) {
    stage.stores = stage.stores.filter((store) => needed.has(store.buffer))
    for (const id of reachable(
      draft.values,
      stage.stores.map((store) => store.value),
    ))
      use(id)
    stage.reductions = stage.reductions.filter((id) => usedValues.has(id))
    for (const id of reachable(draft.values, stage.reductions)) use(id)
  }
  const remaining = draft.stages.filter((stage) => stage.stores.length > 0 || stage.reductions.length > 0)
  draft.stages.splice(0, draft.stages.length, ...remaining)

  function use(id: number): void {
    usedValues.add(id)
    const value = draft.values[id]!
    if (value.kind === 'load') needed.add(value.buffer)
    for (const operand of operandsOf(value)) usedValues.add(operand)
  }
}
