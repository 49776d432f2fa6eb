/** Functions the compiler itself knows; everything that can be written in the language is in `stdlib/` instead. */
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Located } from './arithmetic.ts'
import type { Frame } from './session.ts'
import type { Value } from './values.ts'

export interface Builtin {
  readonly name: string
  /** As shown in the reference: `sum(x, axis)`. */
  readonly signature: string
  readonly documentation: string
  readonly parameters: readonly BuiltinParameter[]
  readonly apply: (call: BuiltinCall) => Value
}

export interface BuiltinParameter {
  readonly name: string
  readonly optional?: boolean
}

export interface BuiltinCall {
  readonly frame: Frame
  readonly span: Span
  readonly name: string
  /** By parameter name; optional ones may be absent. None is an error value. */
  readonly arguments: Readonly<Record<string, Located>>
}

export function parameters(...names: readonly string[]): BuiltinParameter[] {
  return names.map((name) => (name.endsWith('?') ? { name: name.slice(0, -1), optional: true } : { name }))
}
