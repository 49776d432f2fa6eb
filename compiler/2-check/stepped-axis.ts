/** The axis a scan steps along: found by the size after `over`, taken to the front, and put back in the results. */
import type { Expression } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { type Dim, dimEqual } from '../dimensions/dimension.ts'
import { differs } from './broadcast.ts'
import { emit } from './entry.ts'
import { lookUp } from './scope.ts'
import { type Frame, originLabel, report } from './session.ts'
import { displayDim, displayType, type Origin, type TensorValue } from './values.ts'

/** What follows `over`. */
export interface SteppedDimension {
  readonly dim: Dim
  readonly expression: Expression
  readonly origin?: Origin
}

/**
 * The axis of that size. Where several have it, the one the signature calls by the same name
 * (`x: f32[B, T, In]`, `over T`), or the one whose size was decided in the same place. Reports none and several.
 */
export function steppedAxis(
  frame: Frame,
  dimension: SteppedDimension,
  value: TensorValue,
  source: Expression,
): number | undefined {
  const { shape } = value.type
  const axesWhere = (fits: (size: Dim, axis: number) => boolean): number[] =>
    shape.flatMap((size, axis) => (fits(size, axis) ? [axis] : []))
  let axes = axesWhere((size) => dimEqual(size, dimension.dim))
  // Sizes nobody has chosen yet may turn out equal.
  if (axes.length === 0 && frame.session.rigid)
    axes = axesWhere((size) => !differs(frame, size, dimension.dim)).slice(0, 1)
  const [only] = axes
  if (axes.length === 1) return only
  const named = namedAxis(frame, dimension.expression, value, source)
  if (named !== undefined && axes.includes(named)) return named
  const [sameOrigin, another] = axes.filter((axis) => isSame(value.origins[axis], dimension.origin))
  if (sameOrigin !== undefined && another === undefined) return sameOrigin
  reportAxis(frame, dimension, value, source, axes)
  return undefined
}

/** Where the declaration this body belongs to writes the dimension in the type of the input `source` is. */
function namedAxis(frame: Frame, over: Expression, value: TensorValue, source: Expression): number | undefined {
  if (source.kind !== 'name' || over.kind !== 'name') return undefined
  const parameter = frame.declaration?.inputs.find(({ name }) => name.text === source.name)
  const binding = lookUp(frame.scope, source.name)
  if (parameter?.type?.kind !== 'tensor' || binding?.span?.start !== parameter.name.span.start) return undefined
  const items = parameter.type.shape
  const places = items.flatMap((item, at) =>
    item.kind === 'dimension' && item.value.kind === 'name' && item.value.name === over.name ? [at] : [],
  )
  const [place] = places
  if (place === undefined || places.length > 1) return undefined
  const isBehindEllipsis = items.slice(0, place).some((item) => item.kind === 'ellipsis')
  return isBehindEllipsis ? place + value.type.shape.length - items.length : place
}

function isSame(left: Origin | undefined, right: Origin | undefined): boolean {
  return left !== undefined && left.span.start === right?.span.start && left.span.file === right.span.file
}

function reportAxis(
  frame: Frame,
  { dim, expression, origin }: SteppedDimension,
  value: TensorValue,
  source: Expression,
  axes: readonly number[],
): void {
  const type = displayType(value.type)
  const size = displayDim(dim)
  const written = expression.kind === 'name' ? `\`${expression.name}\`` : size
  const what = expression.kind === 'name' && expression.name !== size ? `${written} = ${size}` : written
  const named = axes.length > 0
  report(
    frame,
    'NN0280',
    source.span,
    named
      ? `axes ${axes.join(' and ')} of this ${type} both have the size ${what}: the loop could run along either`
      : `no axis of this ${type} has the size ${what} that the loop runs over`,
    {
      labels: [
        { span: expression.span, message: `runs over ${size}` },
        originLabel(isSame(origin, expression) ? undefined : origin, () => `${size} comes from here`),
      ],
      hint: named
        ? 'put the loop in a `fn` or `layer` whose input names its axes: `fn run(x: f32[B, T, C])`, `over T`'
        : undefined,
    },
  )
}

/** The value with that axis first. */
export function steppedFirst(frame: Frame, span: Span, value: TensorValue, axis: number): TensorValue {
  const axes = value.type.shape.map((_, own) => own)
  return permuted(frame, span, value, [axis, ...axes.filter((own) => own !== axis)])
}

/** A stacked yield with its first axis where the (first) element had it, or last if it has fewer axes. */
export function restackedAt(
  frame: Frame,
  span: Span,
  stacked: TensorValue,
  axis: number,
  { origin }: SteppedDimension,
): TensorValue {
  const rest = stacked.type.shape.map((_, own) => own).slice(1)
  const origins = [origin, ...stacked.origins.slice(1)]
  return permuted(frame, span, { ...stacked, origins }, rest.toSpliced(axis, 0, 0))
}

function permuted(frame: Frame, span: Span, value: TensorValue, order: readonly number[]): TensorValue {
  if (order.every((axis, at) => axis === at)) return value
  const { dtype, shape } = value.type
  const type = { dtype, shape: order.map((axis) => shape[axis]!) }
  const origins = order.map((axis) => value.origins[axis])
  return emit(frame, span, type, { op: 'permute', attributes: { order } }, [value], origins)
}
