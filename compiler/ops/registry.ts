/** Every primitive with its definition: the one table of ops. */
import type { TensorType } from '../types.ts'
import { attentions } from './attention.ts'
import { contraction } from './contraction.ts'
import { convolution } from './convolution.ts'
import { type OpClass, type OpDef, ShapeError } from './definition.ts'
import { elementwise } from './elementwise.ts'
import { indexed } from './indexed.ts'
import { leaves } from './leaves.ts'
import { loops } from './loops.ts'
import { movement } from './movement.ts'
import type { Operation, OpName } from './op.ts'
import { pooling } from './pooling.ts'
import { pseudo } from './pseudo.ts'
import { random } from './random.ts'
import { reductions } from './reductions.ts'
import { sequential } from './sequential.ts'

export const opDefinitions: { readonly [K in OpName]: OpDef<K> } = {
  ...leaves,
  ...random,
  ...elementwise,
  ...reductions,
  ...movement,
  ...contraction,
  ...convolution,
  ...pooling,
  ...attentions,
  ...indexed,
  ...sequential,
  ...loops,
  ...pseudo,
}

export function classOf(op: OpName): OpClass {
  return opDefinitions[op].class
}

/**
 * The definition of an op known only at run time. The caller pairs it with that op's own attributes, which the
 * type system cannot follow.
 */
export function definitionOf(op: OpName): OpDef<OpName> {
  return opDefinitions[op] as unknown as OpDef<OpName>
}

/** The type an operation's result has for operands that come from the given nodes. Throws a {@link ShapeError}. */
export function inferType(operation: Operation, operands: readonly (Operation & { type: TensorType })[]): TensorType {
  const definition = definitionOf(operation.op)
  const fits = definition.arity === 'variadic' ? operands.length > 0 : operands.length === definition.arity
  if (!fits) throw new ShapeError(`${operation.op} takes ${definition.arity} operands, not ${operands.length}`)
  return definition.infer(
    operands.map(({ type }) => type),
    operation.attributes,
    operands,
  )
}
