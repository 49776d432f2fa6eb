/**
 * Drafts that are alike but for their axes' numbers and their buffers, as those of the blocks of a deep model are: what is
 * worked out for the first serves the others.
 */
import { type Dim, dimKey } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import type { Affine } from './affine.ts'
import { type Draft, type DraftValue, mapOf, operandsOf } from './draft.ts'

export interface DraftForm {
  /** Equal only for drafts alike. */
  readonly key: string
  /** Graph buffers in the order in which they appear: the n-th of one draft is the n-th of another one alike. */
  readonly buffers: readonly number[]
}

/** Where a graph buffer lies: buffers of one root are one memory. */
export interface Rooted {
  readonly root: string
  readonly elements: Dim
}

/** What of a draft decides its code, its sizes and its work. */
export function formOf(
  draft: Draft,
  extents: readonly Dim[],
  typeOf: (buffer: number) => TensorType,
  rootOf: (buffer: number) => Rooted,
): DraftForm {
  const axes = new Map<number, number>()
  const buffers = new Map<number, number>()
  const roots = new Map<string, number>()
  const parts: string[] = [`${draft.flexible}`]
  const axisList = (list: readonly number[]): string => list.map((axis) => axisNumber(axis)).join()

  parts.push(axisList(draft.outer))
  for (const { inner, reductions, stores } of draft.stages) {
    parts.push(`stage ${axisList(inner)} ${reductions.join()}`)
    for (const { buffer, offset, value, accumulate } of stores)
      parts.push(`${bufferNumber(buffer)} ${mapText(offset)} ${value} ${accumulate}`)
  }
  for (const value of draft.values) parts.push(valueText(value))
  return { key: parts.join('\n'), buffers: [...buffers.keys()] }

  function axisNumber(axis: number): string {
    const known = axes.get(axis)
    if (known !== undefined) return `${known}`
    axes.set(axis, axes.size)
    return `${axes.size - 1}:${dimKey(extents[axis]!)}`
  }

  function bufferNumber(buffer: number): string {
    const known = buffers.get(buffer)
    if (known !== undefined) return `${known}`
    const { root, elements } = rootOf(buffer)
    const place = roots.get(root) ?? roots.size
    roots.set(root, place)
    buffers.set(buffer, buffers.size)
    const { dtype, shape } = typeOf(buffer)
    return `${buffers.size - 1} in ${place} at ${dimKey(elements)}: ${dtype} ${shape.map(dimKey).join()}`
  }

  function mapText({ constant, terms }: Affine): string {
    let text = dimKey(constant)
    for (const { axis, coefficient } of terms) text += `+${axisNumber(axis)}*${dimKey(coefficient)}`
    return text
  }

  function valueText(value: DraftValue): string {
    const map = mapOf(value)
    const own = map ? mapText(map) : ''
    switch (value.kind) {
      case 'constant':
        return `c ${value.dtype} ${Object.is(value.value, -0) ? '-0' : value.value}`
      case 'load':
        return `l ${value.dtype} ${bufferNumber(value.buffer)} ${own}`
      case 'position':
        return `p ${own}`
      case 'size':
        return `s ${dimKey(value.dim)}`
      case 'inside':
        return `i ${own} ${dimKey(value.limit)}`
      case 'random':
        return `r ${value.distribution} ${value.site} ${own}`
      case 'operation':
        return `o ${value.op} ${value.dtype} ${value.operandType} ${operandsOf(value).join()}`
      case 'reduction':
        return `x ${value.reducer} ${value.dtype} ${operandsOf(value).join()} over ${axisList(value.axes)}`
    }
  }
}
