/** What the body of a loop reads from outside. */
import type { Span } from '../diagnostics/diagnostic.ts'
import { constant, dimensionScalar, type Entry, emit } from './entry.ts'
import type { Frame } from './session.ts'
import type { TensorValue } from './values.ts'

/** The entry point a loop's body belongs to, through all loops around it. */
export function rootOf(entry: Entry): Entry {
  let root = entry
  while (root.loop) root = root.loop.parent
  return root
}

/** The value where the frame stands: itself, or in the body of a loop an input that brings it in from around the loop. */
export function capture(frame: Frame, span: Span, value: TensorValue): TensorValue {
  const { entry } = frame
  if (value.entry === entry) return value
  const { loop } = entry
  if (!loop) throw new Error(`internal: check: a value of ${value.entry.name} in ${entry.name}`)
  const outer = capture({ ...frame, entry: loop.parent }, span, value)
  const known = loop.captured.get(outer.id)
  if (known) return { ...known, type: value.type, origins: value.origins }
  const made = remade(frame, span, outer) ?? bodyInput(frame, span, `outside${loop.outside.push(outer) - 1}`, outer)
  loop.captured.set(outer.id, made)
  return made
}

/** Scalars known by their form are made again inside, so that they stay recognisable there. */
function remade(frame: Frame, span: Span, { entry, id }: TensorValue): TensorValue | undefined {
  const { form, type } = entry.values[id]!
  if (form.kind !== 'operation') return undefined
  if (form.op === 'constant') return constant(frame, span, form.attributes.value, form.attributes.dtype)
  return form.op === 'dimension' ? dimensionScalar(frame, span, form.attributes.dim, type.dtype) : undefined
}

/** The next element of a scan's body: one step's part of a value outside, along its first axis. */
export function addElement(frame: Frame, span: Span, stacked: TensorValue): TensorValue {
  const { loop } = frame.entry
  if (!loop) throw new Error(`internal: check: an element outside a loop in ${frame.entry.name}`)
  const { dtype, shape } = stacked.type
  const part = { type: { dtype, shape: shape.slice(1) }, origins: stacked.origins.slice(1) }
  return bodyInput(frame, span, `element${loop.elements.push(stacked) - 1}`, part)
}

/** An input of a loop's body. */
export function bodyInput(
  frame: Frame,
  span: Span,
  name: string,
  { type, origins }: Pick<TensorValue, 'type' | 'origins'>,
): TensorValue {
  return emit(frame, span, type, { op: 'input', attributes: { name, type } }, [], origins)
}
