import { buffersRead, buffersWritten, type Draft } from './draft.ts'

/** In the order of execution: a loop nest, a library call of one node, or a loop with its body's steps. */
export type Step = (DraftStep | LibraryStep | LoopStep) & {
  /** The buffer of a scalar: where it is false, the step does nothing that matters and is left out. */
  readonly guard?: number
}

export interface DraftStep {
  readonly kind: 'draft'
  readonly draft: Draft
}

export interface LibraryStep {
  readonly kind: 'library'
  readonly node: number
  readonly reads: readonly number[]
}

/** Its reads and writes are those of buffers that live outside it. */
export interface LoopStep {
  readonly kind: 'loop'
  /** Its number in the flat graph. */
  readonly loop: number
  readonly body: readonly Step[]
  readonly reads: readonly number[]
  readonly writes: readonly number[]
}

export function readsOf(step: Step): Iterable<number> {
  const reads = step.kind === 'draft' ? buffersRead(step.draft) : step.reads
  return step.guard === undefined ? reads : [...reads, step.guard]
}

export function writesOf(step: Step): Iterable<number> {
  if (step.kind === 'loop') return step.writes
  return step.kind === 'draft' ? buffersWritten(step.draft) : [step.node]
}
