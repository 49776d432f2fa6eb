/** Writing graphs by hand: a function for each primitive, with the trivial cases (empty axes, same shape) left out. */
import { type Dim, dimEqual, shapeEqual } from '../dimensions/dimension.ts'
import type { DType, TensorType } from '../types.ts'
import type { ConvolutionAttributes, NoAttributes, OpAttributes, OpName, WindowAttributes } from './op.ts'

/** Anything that can add nodes to a graph; a node is known by its number. */
export interface OpEmitter {
  emit<K extends OpName>(op: K, inputs: readonly number[], attributes: OpAttributes[K]): number
  typeOf(node: number): TensorType
}

export type Expressions = ReturnType<typeof expressions>

type PlainOp = { [K in OpName]: NoAttributes extends OpAttributes[K] ? K : never }[OpName]

export function expressions(emitter: OpEmitter) {
  const { emit, typeOf } = { emit: emitter.emit.bind(emitter), typeOf: emitter.typeOf.bind(emitter) }
  const shapeOf = (x: number): readonly Dim[] => typeOf(x).shape
  const unary = (op: PlainOp) => (x: number) => emit(op, [x], {})
  const binary = (op: PlainOp) => (x: number, y: number) => emit(op, [x, y], {})

  const constant = (value: number, dtype: DType = 'f32'): number => emit('constant', [], { value, dtype })

  const expand = (x: number, shape: readonly Dim[], axes: readonly number[]): number =>
    axes.length === shape.length ? x : emit('expand', [x], { shape, axes })

  const full = (value: number, shape: readonly Dim[], dtype: DType = 'f32'): number =>
    expand(constant(value, dtype), shape, [])

  /** `value` in every element of the type of x. */
  const like = (x: number, value: number): number => full(value, shapeOf(x), typeOf(x).dtype)

  const reshape = (x: number, shape: readonly Dim[]): number =>
    shapeEqual(shape, shapeOf(x)) ? x : emit('reshape', [x], { shape })

  const permute = (x: number, order: readonly number[]): number =>
    order.every((axis, position) => axis === position) ? x : emit('permute', [x], { order })

  const slice = (x: number, start: readonly Dim[], size: readonly Dim[], stride?: readonly number[]): number => {
    const steps = stride ?? size.map(() => 1)
    const whole = shapeEqual(size, shapeOf(x)) && start.every((dim) => dim === 0) && steps.every((step) => step === 1)
    return whole ? x : emit('slice', [x], { start, size, stride: steps })
  }

  const pad = (x: number, low: readonly Dim[], high: readonly Dim[], value: number): number =>
    [...low, ...high].every((dim) => dimEqual(dim, 0)) ? x : emit('pad', [x], { low, high, value })

  const reduce =
    (op: 'reduce_sum' | 'reduce_max' | 'reduce_min' | 'reduce_prod') => (x: number, axes: readonly number[]) =>
      axes.length === 0 ? x : emit(op, [x], { axes })

  const mul = binary('mul')
  return {
    emit,
    typeOf,
    shapeOf,
    constant,
    full,
    like,
    expand,
    reshape,
    permute,
    slice,
    pad,
    mul,
    /** x·value for a fixed number. */
    scale: (x: number, value: number): number => mul(x, like(x, value)),
    neg: unary('neg'),
    abs: unary('abs'),
    sign: unary('sign'),
    exp: unary('exp'),
    log: unary('log'),
    sqrt: unary('sqrt'),
    rsqrt: unary('rsqrt'),
    reciprocal: unary('reciprocal'),
    sin: unary('sin'),
    cos: unary('cos'),
    tanh: unary('tanh'),
    sigmoid: unary('sigmoid'),
    erf: unary('erf'),
    floor: unary('floor'),
    not: unary('not'),
    stopGradient: unary('stop_gradient'),
    add: binary('add'),
    sub: binary('sub'),
    div: binary('div'),
    pow: binary('pow'),
    maximum: binary('maximum'),
    minimum: binary('minimum'),
    less: binary('less'),
    lessEqual: binary('less_equal'),
    equal: binary('equal'),
    notEqual: binary('not_equal'),
    and: binary('and'),
    or: binary('or'),
    gradient: binary('gradient'),
    select: (condition: number, then: number, otherwise: number): number =>
      emit('select', [condition, then, otherwise], {}),
    cast: (x: number, dtype: DType): number => (typeOf(x).dtype === dtype ? x : emit('cast', [x], { dtype })),
    input: (name: string, type: TensorType): number => emit('input', [], { name, type }),
    variable: (name: string, type: TensorType): number => emit('variable', [], { name, type }),
    dimension: (dim: Dim): number => emit('dimension', [], { dim }),
    iota: (shape: readonly Dim[], axis: number): number => emit('iota', [], { shape, axis }),
    reduceSum: reduce('reduce_sum'),
    reduceMax: reduce('reduce_max'),
    reduceMin: reduce('reduce_min'),
    reduceProd: reduce('reduce_prod'),
    cumsum: (x: number, reverse: boolean): number => emit('cumsum', [x], { reverse }),
    argmax: (x: number, axis: number): number => emit('argmax', [x], { axis }),
    concat: (parts: readonly number[], axis: number): number =>
      parts.length === 1 ? parts[0]! : emit('concat', parts, { axis }),
    window: (x: number, attributes: WindowAttributes): number => emit('window', [x], attributes),
    fold: (x: number, attributes: OpAttributes['fold']): number => emit('fold', [x], attributes),
    contract: (left: number, right: number, attributes: OpAttributes['contract']): number =>
      emit('contract', [left, right], attributes),
    convolve: (x: number, w: number, attributes: ConvolutionAttributes): number => emit('convolve', [x, w], attributes),
    gather: (x: number, indices: number, axis: number): number => emit('gather', [x, indices], { axis }),
    scatterAdd: (updates: number, indices: number, axis: number, size: Dim): number =>
      emit('scatter_add', [updates, indices], { axis, size }),
    scan: (operands: readonly number[], attributes: OpAttributes['scan']): number => emit('scan', operands, attributes),
    iterate: (operands: readonly number[], attributes: OpAttributes['iterate']): number =>
      emit('iterate', operands, attributes),
    result: (loop: number, index: number): number => emit('result', [loop], { index }),
  }
}
