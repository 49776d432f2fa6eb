/** What `import` brings into a file: declarations of other files, each still belonging to its own. */
import type { CallableDeclaration, ImportDeclaration, SourceFile } from '../1-parse/ast.ts'
import { importedName, importsOf } from '../1-parse/imports.ts'
import type { DiagnosticCode, DiagnosticLabel, Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import type { Globals } from './globals.ts'
import { addDiagnostic, type Session } from './session.ts'
import { collectNames } from './unused.ts'

type Report = (
  code: DiagnosticCode,
  span: Span,
  message: string,
  options?: { readonly labels?: readonly DiagnosticLabel[]; readonly hint?: string | undefined },
) => void

/** A file with the names it declares. */
export interface FileGlobals {
  readonly ast: SourceFile
  readonly globals: Globals
}

/** Fills the imported names of every file. Reports names that are not there or taken. */
export function linkImports(
  session: Pick<Session, 'diagnostics' | 'reported'>,
  files: ReadonlyMap<string, FileGlobals>,
): void {
  const report: Report = (code, span, message, { labels = [], hint } = {}) =>
    addDiagnostic(session, { code, severity: 'error', span, message, labels, ...(hint !== undefined && { hint }) })
  for (const importing of files.values()) {
    const taken = new Map<string, Span>()
    for (const declaration of importsOf(importing.ast)) {
      const target = files.get(importedName(declaration.path.value, importing.ast.file))
      for (const item of declaration.names) link(importing.globals, declaration, item, target, taken, report)
    }
  }
}

function link(
  globals: Globals,
  declaration: ImportDeclaration,
  { name, alias }: ImportDeclaration['names'][number],
  target: FileGlobals | undefined,
  taken: Map<string, Span>,
  report: Report,
): void {
  const local = alias ?? name
  const earlier = taken.get(local.text) ?? globals.declarations.get(local.text)?.name.span
  if (earlier) {
    report('NN0202', local.span, `\`${local.text}\` is declared twice`, {
      labels: [{ span: earlier, message: 'first here' }],
      hint: `import it by another name: \`${name.text} as ${lowerOrUpper(name.text)}\``,
    })
    return
  }
  taken.set(local.text, local.span)
  const found = target?.globals.declarations.get(name.text)
  if (found && target) {
    globals.imported.set(local.text, { declaration: found, globals: target.globals })
    return
  }
  globals.missing.add(local.text)
  if (target) reportMissing(declaration, name, target, report)
}

function reportMissing(
  declaration: ImportDeclaration,
  name: { readonly text: string; readonly span: Span },
  { ast, globals }: FileGlobals,
  report: Report,
): void {
  const elsewhere = importsOf(ast).find(({ names }) => names.some((own) => (own.alias ?? own.name).text === name.text))
  const block = ast.declarations.find((own) => 'name' in own && own.name.text === name.text)
  if (elsewhere)
    report('NN0257', name.span, `\`${ast.file}\` does not declare \`${name.text}\` but imports it itself`, {
      labels: [{ span: elsewhere.path.span, message: 'from here' }],
      hint: 'import it from the file that declares it',
    })
  else if (block)
    report('NN0257', name.span, `\`${name.text}\` is a ${block.kind} block, which cannot be imported`, {
      hint: 'constants, dimensions, hypers, functions, layers, models, optimizers and initializers can',
    })
  else {
    const names = [...globals.declarations.keys()]
    const similar = suggest(name.text, names)
    report('NN0257', name.span, `\`${declaration.path.value}\` declares nothing called \`${name.text}\``, {
      hint: similar
        ? `did you mean \`${similar}\`?`
        : names.length > 0
          ? `it declares ${names
              .slice(0, 8)
              .map((own) => `\`${own}\``)
              .join(', ')}`
          : undefined,
    })
  }
}

/** Another name of the same case, as dimensions and layers are told from values by it. */
function lowerOrUpper(name: string): string {
  return /^[A-Z]/.test(name) ? `My${name}` : `my_${name}`
}

/**
 * The models of a program: those of its own file, those imported, and those that imported files use themselves.
 * Where there are several, paths of parameters begin with the model.
 */
export function modelsOf(root: SourceFile, files: ReadonlyMap<string, FileGlobals>): ReadonlySet<CallableDeclaration> {
  const models = new Set<CallableDeclaration>()
  for (const { ast, globals } of files.values()) {
    const used = new Set<string>()
    if (ast !== root)
      for (const declaration of ast.declarations)
        if (declaration.kind === 'fn' || declaration.kind === 'layer' || declaration.kind === 'model')
          collectNames(declaration, used)
    for (const declaration of globals.declarations.values())
      if (declaration.kind === 'model' && (ast === root || used.has(declaration.name.text))) models.add(declaration)
    for (const { declaration } of globals.imported.values()) if (declaration.kind === 'model') models.add(declaration)
  }
  return models
}
