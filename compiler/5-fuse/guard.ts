/**
 * Steps that matter only where a scalar is true: those that update variables which otherwise keep their values, and all
 * that only they read. So an optimizer runs, norms of gradients included, only in the last of the steps whose gradients
 * are added up.
 */
import type { TensorType } from '../types.ts'
import { affineEqual } from './affine.ts'
import { type Draft, type DraftStore, type DraftValue, operandsOf } from './draft.ts'
import type { UpdateCandidate } from './schedule.ts'
import { readsOf, type Step, writesOf } from './step.ts'

/**
 * The steps, in the same order, with their guards. `updates`: variables that are written in place; `kept`: buffers read
 * after the last step.
 */
export function withGuards(
  steps: readonly Step[],
  updates: readonly UpdateCandidate[],
  kept: ReadonlySet<number>,
  typeOf: (buffer: number) => TensorType,
): Step[] {
  const old = new Map(updates.flatMap((update) => (update.old === undefined ? [] : [[update.buffer, update.old]])))
  const conditions = new Set<number>()
  for (const step of steps)
    if (step.kind === 'draft')
      for (const { stores } of step.draft.stages)
        for (const store of stores) {
          const condition = conditionOf(step.draft, store, old.get(store.buffer), typeOf)
          if (condition !== undefined) conditions.add(condition)
        }
  const guarded = steps.map(({ guard: _, ...step }): Step => step)
  for (const condition of conditions) guardBy(condition)
  return guarded

  function guardBy(condition: number): void {
    // What is needed where the condition does not hold, from the last step to the first.
    const needed = new Set([...kept, condition])
    for (let at = guarded.length - 1; at >= 0; at--) {
      const step = guarded[at]!
      if (step.guard === undefined && isIdle(step, condition, needed)) guarded[at] = { ...step, guard: condition }
      else for (const buffer of readsOf(step)) needed.add(buffer)
    }
  }

  /** Whether nothing needed changes by the step where the condition does not hold. */
  function isIdle(step: Step, condition: number, needed: ReadonlySet<number>): boolean {
    if (step.kind !== 'draft') return [...writesOf(step)].every((buffer) => !needed.has(buffer))
    const { draft } = step
    return draft.stages.every(({ stores }) =>
      stores.every(
        (store) =>
          conditionOf(draft, store, old.get(store.buffer), typeOf) === condition ||
          (!needed.has(store.buffer) && !old.has(store.buffer)),
      ),
    )
  }
}

/** The scalar where the store puts back the value that `old` has at this place unless it is true. */
function conditionOf(
  { values }: Draft,
  { value, offset, accumulate }: DraftStore,
  old: number | undefined,
  typeOf: (buffer: number) => TensorType,
): number | undefined {
  const chosen = selectOf(values[value]!)
  if (!chosen || old === undefined || accumulate) return undefined
  const [condition, , otherwise] = chosen.map((id) => values[id]!) as [DraftValue, DraftValue, DraftValue]
  if (otherwise.kind !== 'load' || otherwise.buffer !== old || !affineEqual(otherwise.offset, offset)) return undefined
  const isScalar = condition.kind === 'load' && typeOf(condition.buffer).shape.length === 0
  return isScalar ? condition.buffer : undefined
}

/** Of a guarded step, leaves out what it would do where the guard is false. */
export function assumeGuard(step: Step): void {
  if (step.kind !== 'draft' || step.guard === undefined) return
  const { values, stages } = step.draft
  const chosen = (id: number): number => {
    const operands = selectOf(values[id]!)
    const condition = operands && values[operands[0]!]!
    return condition?.kind === 'load' && condition.buffer === step.guard ? chosen(operands![1]!) : id
  }
  values.forEach((value, at) => {
    if (operandsOf(value).length === 0) return
    values[at] = { ...value, operands: operandsOf(value).map(chosen) } as DraftValue
  })
  for (const stage of stages) {
    stage.reductions = stage.reductions.map(chosen)
    stage.stores = stage.stores.map((store) => ({ ...store, value: chosen(store.value) }))
  }
}

function selectOf(value: DraftValue): readonly number[] | undefined {
  return value.kind === 'operation' && value.op === 'select' ? value.operands : undefined
}
