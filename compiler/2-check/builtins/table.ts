/** Every builtin by name. */
import type { Builtin } from '../builtin.ts'
import { assemblingBuiltins } from './assembling.ts'
import { elementwiseBuiltins, gradientBuiltin } from './elementwise.ts'
import { filledBuiltins } from './filled.ts'
import { movementBuiltins } from './movement.ts'
import { reductionBuiltins } from './reductions.ts'
import { sequentialBuiltins } from './sequential.ts'

export const builtins: ReadonlyMap<string, Builtin> = new Map(
  [
    ...elementwiseBuiltins,
    gradientBuiltin,
    ...reductionBuiltins,
    ...filledBuiltins,
    ...movementBuiltins,
    ...assemblingBuiltins,
    ...sequentialBuiltins,
  ].map((builtin) => [builtin.name, builtin]),
)
