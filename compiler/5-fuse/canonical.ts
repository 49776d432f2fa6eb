/**
 * Kernels by structure: sizes and buffers become parameters, so that calls which differ only in these share one function.
 */
import { add, type Dim, dimKey, isConstant, modulo } from '../dimensions/dimension.ts'
import type { DType } from '../types.ts'
import type { Affine } from './affine.ts'
import { splitMoving } from './counter.ts'
import type { DraftValue } from './draft.ts'
import type { LoopOrder } from './lanes.ts'
import type { IndexMap, Kernel, KernelAxis, KernelStage, KernelValue, Place, Size } from './program.ts'
import { orderValues } from './value-order.ts'

export type KernelStructure = Omit<Kernel, 'name'>

export interface Canonical {
  readonly structure: KernelStructure
  /** Equal exactly for kernels with the same code. */
  readonly key: string
  /** One per pointer parameter. */
  readonly places: readonly Place[]
  readonly sizes: readonly Dim[]
}

/**
 * `placeOf` tells where a graph buffer lies, `dtypeOf` the type of its elements. A variable's old and new value are one
 * parameter when the update is in place. What a loop's step moves a load by is the caller's to add.
 */
export function canonicalise(
  loops: LoopOrder,
  placeOf: (buffer: number) => Place,
  dtypeOf: (buffer: number) => DType,
): Canonical {
  const places: Place[] = []
  const placeNumbers = new Map<string, number>()
  const written = new Set<number>()
  const sizes: Dim[] = []
  const sizeNumbers = new Map<string, number>()
  const axes: number[] = [...loops.outer]
  for (const stage of loops.stages) axes.push(...stage.inner)
  const axisNumbers = new Map(axes.map((axis, at) => [axis, at]))

  const parameter = (dim: Dim): Size => {
    const key = dimKey(dim)
    const known = sizeNumbers.get(key)
    if (known !== undefined) return { parameter: known }
    sizes.push(dim)
    sizeNumbers.set(key, sizes.length - 1)
    return { parameter: sizes.length - 1 }
  }
  const size = (dim: Dim): Size => (isConstant(dim) && dim >= -1 && dim <= 1 ? dim : parameter(dim))
  const dtypes: DType[] = []
  const pointer = (buffer: number, moving: Dim): number => {
    const start = placeOf(buffer)
    const place = { buffer: start.buffer, elements: add(start.elements, moving) }
    const key = `${place.buffer} ${dimKey(place.elements)}`
    const known = placeNumbers.get(key)
    if (known !== undefined) return known
    placeNumbers.set(key, places.length)
    dtypes.push(dtypeOf(buffer))
    return places.push(place) - 1
  }
  const map = (affine: Affine): IndexMap => ({
    constant: size(affine.constant),
    terms: affine.terms
      .map(({ axis, coefficient }) => ({ axis: axisNumbers.get(axis)!, coefficient }))
      .sort((a, b) => a.axis - b.axis)
      .map(({ axis, coefficient }) => ({ axis, coefficient: size(coefficient) })),
  })

  const order = orderValues(loops, axisNumbers)
  const valueNumbers = new Map(order.ids.map((id, at) => [id, at]))
  const kernelAxes: KernelAxis[] = axes.map((axis) => {
    const extent = loops.extents.get(axis)!
    return { extent: parameter(extent), multiple: multiples.find((multiple) => modulo(extent, multiple) === 0) ?? 1 }
  })
  const values = order.ids.map((id) => kernelValue(id, loops.values[id]!))
  const stages: KernelStage[] = order.stages.map((stage) => ({
    inner: stage.inner.map((axis) => axisNumbers.get(axis)!),
    reductions: stage.reductions.map((id) => valueNumbers.get(id)!),
    stores: stage.stores.map((store) => {
      const { moving, fixed } = splitMoving(store.offset.constant)
      const buffer = pointer(store.buffer, moving)
      written.add(buffer)
      return {
        buffer,
        offset: map({ ...store.offset, constant: fixed }),
        value: valueNumbers.get(store.value)!,
        accumulate: store.accumulate,
      }
    }),
  }))
  const structure: KernelStructure = {
    class: classOf(loops),
    buffers: dtypes.map((dtype, at) => ({ dtype, written: written.has(at) })),
    sizes: sizes.length,
    axes: kernelAxes,
    outer: loops.outer.map((axis) => axisNumbers.get(axis)!),
    stages,
    values,
    lanes: loops.lanes,
  }
  // Extents that happen to be multiples of the vector width do not make another kernel.
  const plain = { ...structure, axes: kernelAxes.map(({ extent }) => extent), values: values.map(withSpecialNumbers) }
  return { structure, key: JSON.stringify(plain), places, sizes }

  function kernelValue(id: number, value: DraftValue): KernelValue {
    switch (value.kind) {
      case 'constant':
        return value
      case 'load': {
        const { moving, fixed } = splitMoving(value.offset.constant)
        const offset = map({ ...value.offset, constant: fixed })
        return { kind: 'load', dtype: value.dtype, buffer: pointer(value.buffer, moving), offset }
      }
      case 'position':
        return { kind: 'position', dtype: 'i32', offset: map(value.offset) }
      case 'size':
        return { kind: 'size', dtype: 'i32', size: parameter(value.dim) }
      case 'inside':
        return { kind: 'inside', dtype: 'bool', offset: map(value.offset), limit: parameter(value.limit) }
      case 'random':
        return {
          kind: 'random',
          dtype: 'f32',
          distribution: value.distribution,
          site: parameter(value.site),
          element: map(value.element),
        }
      case 'operation':
      case 'reduction': {
        const operands = order.operandsOf(id).map((operand) => valueNumbers.get(operand)!)
        if (value.kind === 'operation') return { ...value, operands }
        return { kind: 'reduction', dtype: value.dtype, reducer: value.reducer, operands }
      }
    }
  }
}

/** JSON has neither −0 nor the infinities. */
function withSpecialNumbers(value: KernelValue): unknown {
  if (value.kind !== 'constant') return value
  if (Object.is(value.value, -0)) return { ...value, value: '#-0' }
  return Number.isFinite(value.value) ? value : { ...value, value: `#${value.value}` }
}

const multiples = [16, 8, 4] as const

/** The kernel that serves calls of both: an extent is a multiple of what it is in each. */
export function sharedKernel(kernel: Kernel, other: KernelStructure): Kernel {
  const axes = kernel.axes.map((axis, at) => ({
    ...axis,
    multiple: Math.min(axis.multiple, other.axes[at]!.multiple) as KernelAxis['multiple'],
  }))
  return { ...kernel, axes }
}

function classOf(loops: LoopOrder): Kernel['class'] {
  const looping = loops.stages.filter((stage) => stage.inner.length > 0).length
  if (loops.outer.length === 0 && looping === 0) return 'scalar'
  if (loops.stages.length === 1) return 'map'
  const reduces = loops.stages.some((stage) => stage.reductions.length > 0)
  return looping <= 1 && reduces ? 'reduce' : 'rows'
}
