/** Dimensions declared with a range, which a call may give any size in it. */
import type { DimDeclaration } from '../1-parse/ast.ts'
import { boundsOf } from '../dimensions/bounds.ts'
import { symbol } from '../dimensions/dimension.ts'
import { rangesOf } from './entry.ts'
import { findGlobal } from './globals.ts'
import { bind, lookUp } from './scope.ts'
import { type Frame, report } from './session.ts'
import type { Inference } from './signature.ts'
import { dimension, dimOf, displayDim } from './values.ts'

/** The declaration of a dimension with a range, if `name` means one. */
export function rangeOf(frame: Frame, name: string): DimDeclaration | undefined {
  const declaration = findGlobal(frame.globals, name)?.declaration
  return declaration?.kind === 'dim' ? declaration : undefined
}

/** Sizes given for dimensions that have a range lie in it; one that nothing decided is the dimension itself. */
export function checkRanges(
  frame: Frame,
  caller: Frame,
  { unknown, rest, what, callSpan, history }: Inference,
): boolean {
  for (const [mark, { name }] of unknown) {
    const declaration = rangeOf(frame, name)
    if (!declaration) continue
    if (rest.delete(mark)) {
      bind(frame.scope, name, dimension(symbol(name), { span: declaration.span }))
      continue
    }
    const value = lookUp(frame.scope, name)?.value
    const dim = value && dimOf(value)
    const range = rangesOf(frame)[name]
    if (dim === undefined || !range || frame.session.rigid) continue
    const { minimum, maximum } = boundsOf(dim, rangesOf(frame))
    if (minimum >= range.minimum && maximum <= range.maximum) continue
    const given = minimum === maximum ? `${minimum}` : `${displayDim(dim)}, from ${minimum} to ${maximum}`
    report(
      caller,
      'NN0203',
      callSpan,
      `${what} takes \`${name}\` from ${range.minimum} to ${range.maximum}, but here it is ${given}`,
      {
        labels: [...history, { span: declaration.span, message: 'the range comes from here' }],
      },
    )
    return false
  }
  return true
}
