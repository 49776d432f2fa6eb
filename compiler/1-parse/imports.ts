/** The files a file imports, and theirs: found by a function of the caller, parsed once each. */
import type { Diagnostic, DiagnosticCode, Span } from '../diagnostics/diagnostic.ts'
import type { ImportDeclaration, SourceFile } from './ast.ts'
import { parse } from './parse.ts'

/** The text of the file an import names, or undefined if there is none. `from` is the name of the importing file. */
export type ImportResolver = (path: string, from: string) => string | undefined

export interface ImportedFiles {
  /** By name, without the importing file itself. Imports that could not be followed are absent. */
  readonly files: ReadonlyMap<string, SourceFile>
  readonly sources: ReadonlyMap<string, string>
  /** Missing files, cycles, and the syntax errors of all imported files. */
  readonly diagnostics: readonly Diagnostic[]
}

const MAXIMUM_FILES = 500

/** Follows all imports of a file. Never throws. */
export function readImports(root: SourceFile, resolve: ImportResolver | undefined): ImportedFiles {
  const files = new Map<string, SourceFile>()
  const sources = new Map<string, string>()
  const diagnostics: Diagnostic[] = []
  const report = (code: DiagnosticCode, span: Span, message: string, hint?: string): void => {
    diagnostics.push({ code, severity: 'error', span, message, labels: [], ...(hint !== undefined && { hint }) })
  }
  const follow = (declaration: ImportDeclaration, from: string, open: readonly string[]): void => {
    const { value: path, span } = declaration.path
    const name = importedName(path, from)
    if (open.includes(name)) {
      const cycle = [...open.slice(open.indexOf(name)), name].join(' → ')
      report(
        'NN0258',
        span,
        open.length === 1 ? `\`${name}\` imports itself` : `these files import each other: ${cycle}`,
        open.length === 1 ? undefined : 'move what both need into a file of its own',
      )
      return
    }
    if (files.has(name)) return
    if (files.size >= MAXIMUM_FILES) {
      report('NN0262', span, `more than ${MAXIMUM_FILES} files are imported`)
      return
    }
    const text = resolve?.(path, from)
    if (text === undefined) {
      const hint = resolve
        ? 'the path is relative to the file with the import'
        : 'this program is compiled from one text'
      report('NN0256', span, `there is no file \`${name}\` that can be read`, hint)
      return
    }
    const { ast, diagnostics: found } = parse(text, name)
    files.set(name, ast)
    sources.set(name, text)
    diagnostics.push(...found)
    for (const inner of importsOf(ast)) follow(inner, name, [...open, name])
  }
  for (const declaration of importsOf(root))
    follow(declaration, root.file, [importedName(`./${baseName(root.file)}`, root.file)])
  return { files, sources, diagnostics }
}

export function importsOf(file: SourceFile): ImportDeclaration[] {
  return file.declarations.filter((declaration) => declaration.kind === 'import')
}

/** The name of the file that `path` means in the file `from`: `models/net.nn` and `../block.nn` give `block.nn`. */
export function importedName(path: string, from: string): string {
  const absolute = /^(?:[\\/]|[A-Za-z]:)/.test(path)
  const parts: string[] = []
  for (const [at, part] of [...(absolute ? [] : from.split(/[\\/]/).slice(0, -1)), ...path.split(/[\\/]/)].entries()) {
    if (part === '.' || (part === '' && at > 0)) continue
    const last = parts.at(-1)
    if (part === '..' && last !== undefined && last !== '..' && last !== '') parts.pop()
    else parts.push(part)
  }
  const name = parts.join('/')
  // The standard library's files have this prefix.
  return name.startsWith('std/') ? `./${name}` : name
}

function baseName(file: string): string {
  return file.split(/[\\/]/).at(-1)!
}
