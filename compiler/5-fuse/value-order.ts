/**
 * An order of a kernel's values and stores that depends on what is computed, not on how the graph came to it: a sum and
 * the same sum with its operands exchanged are one kernel.
 */
import { isConstant } from '../dimensions/dimension.ts'
import type { OpName } from '../ops/op.ts'
import type { Affine } from './affine.ts'
import { type DraftStage, type DraftValue, operandsOf, reachable, stageRoots } from './draft.ts'
import type { LoopOrder } from './lanes.ts'

export interface ValueOrder {
  readonly stages: readonly DraftStage[]
  /** The values needed, operands before their users. */
  readonly ids: readonly number[]
  operandsOf(id: number): readonly number[]
}

/** Exchanging the operands of these changes no bit of the result. */
const COMMUTATIVE: ReadonlySet<OpName> = new Set([
  'add',
  'mul',
  'maximum',
  'minimum',
  'equal',
  'not_equal',
  'and',
  'or',
] as const satisfies readonly OpName[])

export function orderValues(loops: LoopOrder, axisNumbers: ReadonlyMap<number, number>): ValueOrder {
  const { values } = loops
  const hashes = new Map<number, number>()
  const operands = new Map<number, readonly number[]>()
  const byHash = (a: number, b: number): number => hashes.get(a)! - hashes.get(b)!
  for (const id of reachable(values, loops.stages.flatMap(stageRoots))) {
    const value = values[id]!
    const own = operandsOf(value)
    const sorted = value.kind === 'operation' && COMMUTATIVE.has(value.op) ? [...own].sort(byHash) : own
    operands.set(id, sorted)
    hashes.set(id, hashOf(`${describe(value)} ${sorted.map((operand) => hashes.get(operand)).join()}`))
  }
  const stages = loops.stages.map((stage) => ({
    ...stage,
    reductions: [...stage.reductions].sort(byHash),
    stores: [...stage.stores].sort(
      (a, b) => byHash(a.value, b.value) || hashOf(mapText(a.offset)) - hashOf(mapText(b.offset)),
    ),
  }))
  const ids: number[] = []
  const seen = new Set<number>()
  for (const stage of stages) for (const root of stageRoots(stage)) visit(root)
  return { stages, ids, operandsOf: (id) => operands.get(id)! }

  /** As deep as a kernel has values, which merging bounds. */
  function visit(id: number): void {
    if (seen.has(id)) return
    seen.add(id)
    for (const operand of operands.get(id)!) visit(operand)
    ids.push(id)
  }

  function describe(value: DraftValue): string {
    switch (value.kind) {
      case 'constant':
        return `constant ${value.dtype} ${Object.is(value.value, -0) ? '-0' : value.value}`
      case 'load':
        return `load ${value.dtype} ${mapText(value.offset)}`
      case 'position':
      case 'inside':
        return `${value.kind} ${mapText(value.offset)}`
      case 'size':
        return 'size'
      case 'random':
        return `${value.distribution} ${mapText(value.element)}`
      case 'operation':
        return `${value.op} ${value.operandType} ${value.dtype}`
      case 'reduction':
        return `${value.reducer} ${value.dtype} ${value.axes.map((axis) => axisNumbers.get(axis)).join()}`
    }
  }

  /** Sizes that become parameters look alike. */
  function mapText(map: Affine): string {
    const terms = map.terms.map(({ axis, coefficient }) => `${axisNumbers.get(axis)}*${small(coefficient)}`)
    return `${small(map.constant)}+${terms.sort().join('+')}`
  }

  function small(size: Affine['constant']): string {
    return isConstant(size) && Math.abs(size) <= 1 ? String(size) : 'n'
  }
}

/** 53 bits of a text (cyrb53). */
function hashOf(text: string): number {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return 4294967296 * (2097151 & low) + (high >>> 0)
}
