import { parse } from '../../compiler/1-parse/parse.ts'
import { check } from '../../compiler/2-check/check.ts'
import type { CheckedEntry, CheckedProgram } from '../../compiler/2-check/checked.ts'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts'
import { renderDiagnostics } from '../../compiler/diagnostics/render.ts'
import { formatShape } from '../../compiler/dimensions/dimension.ts'
import { standardLibrary } from '../../compiler/generated/library.ts'

export const library = Object.entries(standardLibrary).map(([name, text]) => parse(text, `std/${name}`).ast)

export interface Checked {
  readonly program?: CheckedProgram
  readonly diagnostics: readonly Diagnostic[]
  readonly rendered: string
}

export function checkText(text: string, settings: Readonly<Record<string, number>> = {}, file = 'test.nn'): Checked {
  const parsed = parse(text, file)
  const checked = check(parsed.ast, { library, settings })
  const diagnostics = [...parsed.diagnostics, ...checked.diagnostics]
  const sources = new Map([[file, text]])
  for (const [name, source] of Object.entries(standardLibrary)) sources.set(`std/${name}`, source)
  return { ...checked, diagnostics, rendered: renderDiagnostics(diagnostics, sources) }
}

/** The program of a text that must be free of mistakes. */
export function programOf(text: string, settings: Readonly<Record<string, number>> = {}): CheckedProgram {
  const { program, rendered } = checkText(text, settings)
  if (!program) throw new Error(`expected no errors:\n${rendered}`)
  return program
}

export function codesOf(text: string, settings: Readonly<Record<string, number>> = {}): string[] {
  return checkText(text, settings).diagnostics.map((diagnostic) => diagnostic.code)
}

export function entryOf(program: CheckedProgram, name: string): CheckedEntry {
  const entry = program.entries.find((candidate) => candidate.name === name)
  if (!entry) throw new Error(`there is no entry ${name}`)
  return entry
}

/** `f32[Batch, 10]` of an output. */
export function outputType(program: CheckedProgram, entry: string, output = 'output'): string {
  const found = entryOf(program, entry)
  const { type } = found.values[found.outputs.find(({ name }) => name === output)!.value]!
  return `${type.dtype}${formatShape(type.shape)}`
}

/** Variables as `parameter fc1.w: f32[8, 2]`. */
export function variablesOf(program: CheckedProgram): string[] {
  return program.variables.map(({ kind, name, type }) => `${kind} ${name}: ${type.dtype}${formatShape(type.shape)}`)
}

/** The expression as the body of an infer block, for its type or its mistakes. */
export function inferText(inputs: string, result: string, body: string): string {
  return `infer f(${inputs}) -> ${result} {\n  return ${body}\n}`
}
