/** A layer, model or entry body with a place in the tree of parameter names. */
import type { CallableDeclaration } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Globals } from './globals.ts'
import type { Value } from './values.ts'

export interface Instance {
  /** `blocks.0.fc1`; empty for the only model and for entries. */
  readonly path: string
  readonly role: 'model' | 'layer' | 'entry'
  /** The model that owns it, if any. */
  readonly model?: string
  readonly declaration?: CallableDeclaration
  readonly globals?: Globals
  config: ReadonlyMap<string, Value>
  /** Set where the compiler chose the name, to suggest writing one. */
  readonly unnamed?: { readonly span: Span; reported: boolean }
  /** What each name under this instance belongs to: the statement or stage that introduced it. */
  readonly names: Map<string, { readonly owner: object; readonly span: Span }>
  readonly children: Map<object, Instance[]>
}

export function createInstance(fields: Omit<Instance, 'names' | 'children'>): Instance {
  return { ...fields, names: new Map(), children: new Map() }
}

export function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
