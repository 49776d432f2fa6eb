/** The names a file declares, resolved on demand. */
import type {
  CallableDeclaration,
  ConstDeclaration,
  DataDeclaration,
  Declaration,
  DimDeclaration,
  HyperDeclaration,
  SourceFile,
} from '../1-parse/ast.ts'
import type { Binding } from './scope.ts'

export type GlobalDeclaration = CallableDeclaration | ConstDeclaration | DimDeclaration | HyperDeclaration

export interface Globals {
  readonly declarations: ReadonlyMap<string, GlobalDeclaration>
  readonly data: ReadonlyMap<string, DataDeclaration>
  /** Values of constants, dimensions and hypers already evaluated; `undefined` while one is being evaluated. */
  readonly evaluated: Map<string, Binding | undefined>
  /** What the file imports, by the name it has here. */
  readonly imported: Map<string, { readonly declaration: GlobalDeclaration; readonly globals: Globals }>
  /** Imported names that could not be found, reported already. */
  readonly missing: Set<string>
  /** Where names not found here are looked for: the standard library behind the user's file. */
  readonly behind?: Globals
}

/** Collects declarations; `onDuplicate` hears of names declared twice (the first one counts). */
export function collectGlobals(
  files: readonly SourceFile[],
  behind: Globals | undefined,
  onDuplicate: (first: Declaration, second: Declaration) => void,
): Globals {
  const declarations = new Map<string, GlobalDeclaration>()
  const data = new Map<string, DataDeclaration>()
  const blocks = new Map<string, Declaration>()
  for (const file of files) {
    for (const declaration of file.declarations) {
      if (declaration.kind === 'import' || declaration.kind === 'load') continue
      const name = declaration.name.text
      const table: Map<string, Declaration> = isGlobal(declaration)
        ? (declarations as Map<string, Declaration>)
        : declaration.kind === 'data'
          ? (data as Map<string, Declaration>)
          : blocks
      const first = table.get(name)
      if (first) onDuplicate(first, declaration)
      else table.set(name, declaration)
    }
  }
  return {
    declarations,
    data,
    evaluated: new Map(),
    imported: new Map(),
    missing: new Set(),
    ...(behind && { behind }),
  }
}

function isGlobal(declaration: Declaration): declaration is GlobalDeclaration {
  switch (declaration.kind) {
    case 'fn':
    case 'layer':
    case 'model':
    case 'optimizer':
    case 'metric':
    case 'initializer':
    case 'const':
    case 'dim':
    case 'hyper':
      return true
    default:
      return false
  }
}

/** The declaration a name means, and the file it belongs to. */
export function findGlobal(
  globals: Globals,
  name: string,
): { declaration: GlobalDeclaration; globals: Globals } | undefined {
  for (let current: Globals | undefined = globals; current; current = current.behind) {
    const declaration = current.declarations.get(name)
    if (declaration) return { declaration, globals: current }
    const imported = current.imported.get(name)
    if (imported) return imported
  }
  return undefined
}

export function globalNames(globals: Globals): string[] {
  const names: string[] = []
  for (let current: Globals | undefined = globals; current; current = current.behind)
    names.push(...current.declarations.keys(), ...current.imported.keys())
  return names
}
