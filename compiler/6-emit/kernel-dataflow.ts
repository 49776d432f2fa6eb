/** What a kernel's stages need, and along which axes values vary. */
import type { IndexMap, Kernel, KernelStage } from '../5-fuse/program.ts'

/** The values a stage needs that no earlier stage's reduction hides, ascending. */
export function neededBy(kernel: Kernel, stage: KernelStage): number[] {
  const seen = new Set<number>()
  const pending = stage.stores.map((store) => store.value)
  for (const id of stage.reductions) pending.push(...operands(id))
  while (pending.length > 0) {
    const id = pending.pop()!
    if (seen.has(id)) continue
    seen.add(id)
    if (kernel.values[id]!.kind !== 'reduction') pending.push(...operands(id))
  }
  return [...seen].sort((a, b) => a - b)

  function operands(id: number): readonly number[] {
    const value = kernel.values[id]!
    return value.kind === 'operation' || value.kind === 'reduction' ? value.operands : []
  }
}

/** Value → the axes it varies along. */
export function dependenciesOf(kernel: Kernel): ReadonlySet<number>[] {
  const dependencies: Set<number>[] = []
  for (const value of kernel.values) {
    const axes = new Set<number>()
    if (value.kind === 'reduction') for (const axis of kernel.outer) axes.add(axis)
    else if (value.kind === 'operation')
      for (const operand of value.operands) for (const axis of dependencies[operand]!) axes.add(axis)
    else {
      const map = value.kind === 'random' ? value.element : 'offset' in value ? value.offset : undefined
      for (const term of map?.terms ?? []) axes.add(term.axis)
    }
    dependencies.push(axes)
  }
  return dependencies
}

/** Loads and stores of some stages, each once. */
export function accesses(kernel: Kernel, stages: readonly KernelStage[]): { buffer: number; offset: IndexMap }[] {
  const found = new Map<IndexMap, { buffer: number; offset: IndexMap }>()
  for (const stage of stages) {
    for (const id of neededBy(kernel, stage)) {
      const value = kernel.values[id]!
      if (value.kind === 'load') found.set(value.offset, value)
    }
    for (const store of stage.stores) found.set(store.offset, store)
  }
  return [...found.values()]
}
