/** Index notation: which elements are read, how far each index runs, and the proof that reads stay inside. */
import type { Expression, IndexBinder, IndexExpression, ReductionExpression, Subscript } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { boundsOf } from '../dimensions/bounds.ts'
import { add, type Dim, isConstant, multiply, product, subtract } from '../dimensions/dimension.ts'
import { soleIndex } from './affine.ts'
import { dtypeOf, toElement } from './arithmetic.ts'
import { differs } from './broadcast.ts'
import { boundedBy } from './builtins/movement.ts'
import type { AffineSubscript, IndexedExpression, IndexVariable } from './checked.ts'
import { append, rangesOf } from './entry.ts'
import { evaluate, locate } from './expressions.ts'
import { addIndex, createIndexContext, type EllipsisSlot, type IndexContext, type IndexSlot } from './index-context.ts'
import { fixExtent } from './index-extent.ts'
import { bind, createScope, findScope, type Scope } from './scope.ts'
import { type Frame, originLabel, report } from './session.ts'
import { evaluateSlice } from './slices.ts'
import {
  describe,
  dimOf,
  displayDim,
  displayShape,
  displayType,
  type ElementValue,
  type ErrorValue,
  errorValue,
  type TensorValue,
  type Value,
} from './values.ts'

type BoundIndex = IndexSlot | EllipsisSlot

/** `let name[binders] = body`, or a reduction standing alone (no binders): a whole tensor. */
export function evaluateIndexed(
  frame: Frame,
  span: Span,
  name: string | undefined,
  binders: readonly IndexBinder[],
  body: Expression,
): TensorValue | ErrorValue {
  const context = createIndexContext()
  const scope = createScope(frame.scope)
  const bound = bindIndices(frame, context, scope, binders)
  if (!bound) return errorValue
  const inner: Frame = { ...frame, scope, indexed: context, floorDivision: false }
  const value = evaluate(inner, body)
  if (value.kind === 'error') return value
  useExpectedShape(frame, name, bound)
  const indices = extentsOf(frame, bound, name)
  if (!indices) return errorValue
  const own = dtypeOf(value) ?? (value.kind === 'number' && !value.integer ? 'f32' : 'i32')
  const element = toElement(inner, { value, span: body.span }, own)
  if (element.kind === 'error' || !proveReads(frame, context)) return errorValue
  const slots = bound.flatMap((index) => ('unique' in index ? [index] : (index.slots ?? [])))
  return append(
    frame,
    span,
    { dtype: element.dtype, shape: indices.map((index) => index.extent) },
    { kind: 'indexed', indices, body: element.expression },
    slots.map((slot) => slot.source),
  )
}

export function evaluateReduction(frame: Frame, expression: ReductionExpression): Value {
  const { indexed: context } = frame
  if (!context) return evaluateIndexed(frame, expression.span, undefined, [], expression)
  const scope = createScope(frame.scope)
  const bound = bindIndices(frame, context, scope, expression.indices)
  if (!bound) return errorValue
  const inner: Frame = { ...frame, scope, floorDivision: false }
  const value = evaluate(inner, expression.body)
  if (value.kind === 'error') return value
  const dtype = dtypeOf(value) ?? (value.kind === 'number' && !value.integer ? 'f32' : 'i32')
  const { reducer } = expression
  if (dtype === 'bool')
    return report(frame, 'NN0205', expression.body.span, `\`${reducer}\` needs numbers, but this is bool`, {
      hint: 'write `if condition then 1.0 else 0.0`',
    })
  const element = toElement(inner, { value, span: expression.body.span }, reducer === 'mean' ? 'f32' : dtype)
  if (element.kind === 'error') return element
  const indices = extentsOf(frame, bound, undefined)
  if (!indices) return errorValue
  if ((reducer === 'max' || reducer === 'min') && indices.some(({ extent }) => extent === 0))
    return report(
      frame,
      'NN0261',
      expression.span,
      `\`${reducer}\` has no element to take: an index runs over an axis of size 0`,
    )
  const reduced: ElementValue = {
    ...element,
    expression: { kind: 'reduce', reducer: reducer === 'mean' ? 'sum' : reducer, indices, body: element.expression },
  }
  if (reducer !== 'mean') return reduced
  const count = product(indices.map((index) => index.extent))
  return {
    ...reduced,
    expression: { kind: 'elementwise', op: 'div', operands: [reduced.expression, sizeElement(count)] },
  }
}

/** `x[b, i - 1]` inside index notation; `otherwise` stands after `??`. */
export function evaluateRead(frame: Frame, expression: IndexExpression, otherwise: Expression | undefined): Value {
  const context = frame.indexed!
  const target = evaluate({ ...frame, floorDivision: false }, expression.target)
  if (target.kind === 'error') return target
  if (target.kind === 'tuple' || target.kind === 'list') return evaluateSlice(frame, expression, target)
  if (target.kind !== 'tensor')
    return report(
      frame,
      'NN0224',
      expression.target.span,
      `only tensors have subscripts, but this is ${describe(target)}`,
    )
  const fallback = otherwise && outsideValue(frame, otherwise, target)
  if (otherwise && fallback === undefined) return errorValue
  const axes = alignSubscripts(frame, context, expression, target)
  if (!axes) return errorValue
  const subscripts: (AffineSubscript | IndexedExpression)[] = []
  for (const [axis, subscript] of axes.entries()) {
    const made =
      'unique' in subscript
        ? { coefficients: { [subscript.unique]: 1 }, constant: 0 }
        : readSubscript(frame, context, target, axis, subscript, otherwise !== undefined)
    if (!made) return errorValue
    subscripts.push(made)
  }
  return {
    kind: 'element',
    context,
    expression: { kind: 'read', value: target.id, subscripts, ...(fallback !== undefined && { otherwise: fallback }) },
    dtype: target.type.dtype,
  }
}

function bindIndices(
  frame: Frame,
  context: IndexContext,
  scope: Scope,
  binders: readonly IndexBinder[],
): BoundIndex[] | undefined {
  const bound: BoundIndex[] = []
  const seen = new Map<string, Span>()
  for (const binder of binders) {
    const name = binder.kind === 'index' ? binder.name.text : '...'
    const earlier = seen.get(name)
    if (earlier) {
      report(frame, 'NN0202', binder.span, `the index \`${name}\` is bound twice`, {
        labels: [{ span: earlier, message: 'first here' }],
      })
      return undefined
    }
    seen.set(name, binder.span)
    if (binder.kind === 'ellipsis') {
      scope.ellipsisIndices = { span: binder.span }
      bound.push(scope.ellipsisIndices)
    } else {
      const slot = addIndex(context, name, binder.span)
      const subscript = { coefficients: { [slot.unique]: 1 }, constant: 0 }
      bind(scope, name, { kind: 'affine', context, subscript }, binder.span)
      bound.push(slot)
    }
  }
  return bound
}

/** Where no read fixes an index, the declared result of the function does. */
function useExpectedShape(frame: Frame, name: string | undefined, bound: readonly BoundIndex[]): void {
  const { expected } = frame
  if (!expected || expected.name !== name) return
  const rank = expected.shape.length
  // `...` stands for the axes that no index names.
  const ellipsis = bound.findIndex((index) => !('unique' in index))
  if (ellipsis < 0 ? bound.length !== rank : bound.length > rank + 1) return
  for (const [at, index] of bound.entries()) {
    const extent = expected.shape[ellipsis >= 0 && at > ellipsis ? rank - bound.length + at : at]!
    if ('unique' in index && index.extent === undefined) index.extent = extent
  }
}

function extentsOf(frame: Frame, bound: readonly BoundIndex[], name: string | undefined): IndexVariable[] | undefined {
  const indices: IndexVariable[] = []
  let complete = true
  for (const index of bound) {
    if (!('unique' in index)) {
      if (index.slots) {
        for (const slot of index.slots) indices.push({ name: slot.unique, extent: slot.extent! })
        continue
      }
      report(frame, 'NN0221', index.span, 'nothing says which axes `...` stands for: no tensor is read with `[...]`')
      complete = false
      continue
    }
    index.extent ??= index.weak
    if (index.extent === undefined) {
      complete = false
      report(frame, 'NN0221', index.span, `nothing says how far the index \`${index.name}\` runs`, {
        hint: name
          ? `read a tensor with \`${index.name}\` alone as a subscript, or declare the shape: \`let ${name}[…]: f32[…] = …\``
          : `read a tensor with \`${index.name}\` alone as a subscript`,
      })
    } else indices.push({ name: index.unique, extent: index.extent })
  }
  return complete ? indices : undefined
}

/** One subscript or anonymous index per axis of the tensor. */
function alignSubscripts(
  frame: Frame,
  context: IndexContext,
  expression: IndexExpression,
  target: TensorValue,
): (Subscript | IndexSlot)[] | undefined {
  const { subscripts } = expression
  const { shape } = target.type
  const ellipses = subscripts.filter((subscript) => subscript.kind === 'ellipsis')
  const explicit = subscripts.length - ellipses.length
  if (ellipses.length > 1 || explicit > shape.length || (ellipses.length === 0 && explicit !== shape.length)) {
    report(
      frame,
      'NN0224',
      expression.span,
      ellipses.length > 1
        ? 'only one `...` fits between the subscripts'
        : `${displayType(target.type)} has ${shape.length} ${shape.length === 1 ? 'axis' : 'axes'}, but there ${explicit === 1 ? 'is 1 subscript' : `are ${explicit} subscripts`}`,
    )
    return undefined
  }
  const axes: (Subscript | IndexSlot)[] = []
  for (const subscript of subscripts) {
    if (subscript.kind !== 'ellipsis') {
      axes.push(subscript)
      continue
    }
    const first = axes.length
    const count = shape.length - explicit
    const leading = leadingIndices(frame, context, target, subscript.span, first, shape.slice(first, first + count))
    if (!leading) return undefined
    axes.push(...leading)
  }
  return axes
}

function leadingIndices(
  frame: Frame,
  context: IndexContext,
  target: TensorValue,
  span: Span,
  first: number,
  dims: readonly Dim[],
): readonly IndexSlot[] | undefined {
  const ellipsis = findScope(frame.scope, (scope) => scope.ellipsisIndices !== undefined)?.ellipsisIndices
  if (!ellipsis) {
    report(frame, 'NN0219', span, '`...` is not bound here', { hint: 'bind it on the left: `let y[..., c] = …`' })
    return undefined
  }
  if (!ellipsis.slots) {
    ellipsis.source = span
    ellipsis.slots = dims.map((extent, at) => {
      const slot = addIndex(context, `lead${at}`, span)
      slot.extent = extent
      slot.source = target.origins[first + at] ?? { span }
      return slot
    })
    return ellipsis.slots
  }
  const known = ellipsis.slots.map((slot) => slot.extent!)
  const agree = known.length === dims.length && known.every((extent, at) => !differs(frame, extent, dims[at]!))
  if (agree) return ellipsis.slots
  report(
    frame,
    'NN0220',
    span,
    `\`...\` stands for ${displayShape(dims)} here, but for ${displayShape(known)} elsewhere`,
    {
      labels: [ellipsis.source && { span: ellipsis.source, message: `${displayShape(known)} from here` }],
    },
  )
  return undefined
}

function readSubscript(
  frame: Frame,
  context: IndexContext,
  target: TensorValue,
  axis: number,
  subscript: Subscript,
  hasFallback: boolean,
): AffineSubscript | IndexedExpression | undefined {
  const size = target.type.shape[axis]!
  const { span } = subscript
  if (subscript.kind !== 'expression') {
    report(frame, 'NN0224', span, 'index notation reads single elements; a slice does not fit here')
    return undefined
  }
  const { value } = locate({ ...frame, floorDivision: true }, subscript.value)
  if (value.kind === 'error') return undefined
  const dim = dimOf(value)
  if (value.kind === 'affine' || dim !== undefined) {
    const affine = value.kind === 'affine' ? value.subscript : { coefficients: {}, constant: dim! }
    const index = soleIndex(affine)
    const origin = target.origins[axis]
    if (index !== undefined) {
      const slot = context.slots.get(index)!
      if (hasFallback) slot.weak ??= size
      else if (!fixExtent(frame, slot, size, span, origin)) return undefined
    } else if (!hasFallback) context.pending.push({ subscript: affine, size, span, axis, origin })
    return affine
  }
  if (value.kind === 'element' && value.dtype === 'i32' && value.expression.kind === 'read') {
    const ids: TensorValue = {
      kind: 'tensor',
      entry: frame.entry,
      id: value.expression.value,
      type: frame.entry.values[value.expression.value]!.type,
      origins: [],
    }
    return { ...value.expression, value: boundedBy(frame, span, ids, size).id }
  }
  if (value.kind === 'tensor' && value.type.shape.length === 0 && value.type.dtype === 'i32')
    return { kind: 'scalar', value: boundedBy(frame, span, value, size).id }
  report(frame, 'NN0224', span, `a subscript must be made of indices and sizes, but this is ${describe(value)}`, {
    hint: 'compute positions first: `let ids[…] = …` with i32 values, then read `x[ids[…]]`',
  })
  return undefined
}

/** Every affine read must lie inside its tensor for all values of the indices. */
function proveReads(frame: Frame, context: IndexContext): boolean {
  let inside = true
  if (frame.session.rigid) return inside
  const ranges = rangesOf(frame)
  for (const read of context.pending) {
    let low = read.subscript.constant
    let high = read.subscript.constant
    for (const [name, coefficient] of Object.entries(read.subscript.coefficients)) {
      const slot = context.slots.get(name)!
      const extent = slot.extent ?? slot.weak
      if (extent === undefined) continue
      const last = multiply(coefficient, subtract(extent, 1))
      if (coefficient > 0) high = add(high, last)
      else low = add(low, last)
    }
    const below = boundsOf(low, ranges).minimum < 0
    const above = boundsOf(subtract(subtract(read.size, 1), high), ranges).minimum < 0
    if (!below && !above) continue
    inside = false
    const range = `${displayDim(low)} to ${displayDim(high)}`
    report(
      frame,
      'NN0222',
      read.span,
      `this subscript runs from ${range}, but axis ${read.axis} has ${displayDim(read.size)} elements`,
      {
        labels: [originLabel(read.origin, () => `${displayDim(read.size)} comes from here`)],
        hint: 'say what a read outside gives: `x[…] ?? 0.0`',
      },
    )
  }
  return inside
}

function outsideValue(frame: Frame, expression: Expression, target: TensorValue): number | undefined {
  const value = evaluate({ ...frame, floorDivision: false }, expression)
  if (value.kind === 'error') return undefined
  if (value.kind === 'number' && (target.type.dtype === 'f32' || Number.isInteger(value.value))) return value.value
  if (value.kind === 'boolean' && target.type.dtype === 'bool') return value.value ? 1 : 0
  report(
    frame,
    'NN0215',
    expression.span,
    `the value after \`??\` must be a number known when compiled, but this is ${describe(value)}`,
  )
  return undefined
}

function sizeElement(count: Dim): IndexedExpression {
  if (isConstant(count)) return { kind: 'constant', value: count, dtype: 'f32' }
  return { kind: 'cast', dtype: 'f32', operand: { kind: 'position', subscript: { coefficients: {}, constant: count } } }
}
