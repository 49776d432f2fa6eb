/** Names and what they stand for, innermost first. */
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { EllipsisSlot } from './index-context.ts'
import type { Value } from './values.ts'

export interface Binding {
  readonly value: Value
  readonly span?: Span
}

export interface Scope {
  readonly parent?: Scope
  readonly bindings: Map<string, Binding>
  /** The axes `...` stands for in a signature's types. */
  ellipsis?: readonly Dim[]
  /** The indices `...` stands for in index notation. */
  ellipsisIndices?: EllipsisSlot
}

export function createScope(parent?: Scope): Scope {
  return { bindings: new Map(), ...(parent && { parent }) }
}

export function lookUp(scope: Scope, name: string): Binding | undefined {
  for (let current: Scope | undefined = scope; current; current = current.parent) {
    const binding = current.bindings.get(name)
    if (binding) return binding
  }
  return undefined
}

export function bind(scope: Scope, name: string, value: Value, span?: Span): void {
  scope.bindings.set(name, { value, ...(span && { span }) })
}

/** The nearest scope outward that has the property. */
export function findScope(scope: Scope, has: (scope: Scope) => boolean): Scope | undefined {
  for (let current: Scope | undefined = scope; current; current = current.parent) if (has(current)) return current
  return undefined
}

export function namesIn(scope: Scope): string[] {
  const names: string[] = []
  for (let current: Scope | undefined = scope; current; current = current.parent) names.push(...current.bindings.keys())
  return names
}
