/** Random tensors. */
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Dim } from '../dimensions/dimension.ts'
import { addElement, capture } from './capture.ts'
import { emit } from './entry.ts'
import { drawSite } from './random-site.ts'
import type { Frame } from './session.ts'
import type { TensorValue } from './values.ts'

/**
 * New random numbers of the shape. The body of a scan gets its numbers for all steps from before the loop, as one more
 * element; the body of an iterate gets the same ones in every step, so that it has a fixed point.
 */
export function draw(frame: Frame, span: Span, op: 'uniform' | 'normal', shape: readonly Dim[]): TensorValue {
  const { loop } = frame.entry
  if (!loop) {
    const attributes = { shape, site: drawSite(frame) }
    return emit(frame, span, { dtype: 'f32', shape }, { op, attributes }, [])
  }
  const outer = { ...frame, entry: loop.parent }
  if (loop.length === undefined) return capture(frame, span, draw(outer, span, op, shape))
  return addElement(frame, span, draw(outer, span, op, [loop.length, ...shape]))
}
