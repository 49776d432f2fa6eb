/** The checker: every name, type and size of a program, and every entry point with all layers expanded. */
import type { CallableDeclaration, DataDeclaration, Declaration, SourceFile } from '../1-parse/ast.ts'
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { DimensionError, isConstant, symbolsOf } from '../dimensions/dimension.ts'
import { instantiate } from './calls.ts'
import type { CheckedEntry, CheckedLoad, CheckedProgram, CheckedValue } from './checked.ts'
import { reportDataFields } from './data-fields.ts'
import { resolveDataSettings } from './data-settings.ts'
import { createEntry, finishEntry } from './entry.ts'
import { addResults, bindRuntimeDims, checkInfer, entryFrame, inputTensor, runEntry } from './entry-point.ts'
import { checkUnused } from './generic-check.ts'
import { collectGlobals, type Globals } from './globals.ts'
import { type FileGlobals, linkImports, modelsOf } from './imports.ts'
import { invoke } from './invoke.ts'
import { checkLoads } from './loads.ts'
import { evaluateConst, evaluateHyper, evaluateRange } from './names.ts'
import { bind } from './scope.ts'
import { addDiagnostic, ElaborationStop, type Frame, report, type Session } from './session.ts'
import { reportShadowing } from './shadowing.ts'
import { genericNames } from './signature.ts'
import { type CheckedTrain, checkTrain } from './train.ts'
import { reportUntrained } from './untrained.ts'
import { reportUnusedNames } from './unused.ts'
import { integer, type TensorValue } from './values.ts'

export interface CheckOptions {
  /** The standard library's files, parsed. */
  readonly library: readonly SourceFile[]
  /** Values for constants and hypers, as `--set Hidden=256` gives them. */
  readonly settings?: Readonly<Record<string, number>>
  /** The files it imports, and theirs, by name. */
  readonly imports?: ReadonlyMap<string, SourceFile>
}

/**
 * Checks a file and expands its entry points. Reports all mistakes of the file in source order; the program is
 * absent if any of them is an error. Never throws for any input.
 */
export function check(ast: SourceFile, options: CheckOptions): { program?: CheckedProgram; diagnostics: Diagnostic[] } {
  const { session, files } = createSession(ast, options)
  const entries: CheckedEntry[] = []
  const trains: CheckedTrain[] = []
  const data: DataDeclaration[] = []
  let loads: readonly CheckedLoad[] = []
  try {
    elaborateFile(session, ast, files, entries, trains)
    loads = checkLoads(session, ast, entries)
    const frame = entryFrame(session, session.init, false, '')
    for (const declaration of session.user.data.values()) data.push(resolveDataSettings(frame, declaration))
  } catch (error) {
    reportOverflow(session, ast, error)
  }
  const diagnostics = session.diagnostics.sort(
    (a, b) =>
      Number(b.span.file === ast.file) - Number(a.span.file === ast.file) ||
      a.span.file.localeCompare(b.span.file) ||
      a.span.start - b.span.start ||
      a.span.end - b.span.end,
  )
  if (diagnostics.some((diagnostic) => diagnostic.severity === 'error')) return { diagnostics }
  const program: CheckedProgram = {
    name: programName(ast.file),
    dims: usedDims(session, entries),
    hypers: usedHypers(session, entries),
    variables: [...session.variables.values()].map(({ span, origins, ...variable }) => variable),
    entries: [finishEntry(session.init), ...entries],
    trains: trains.map((train) => train.settings),
    data,
    loads,
    constants: numberConstants(session),
  }
  return { program, diagnostics }
}

function numberConstants({ user }: Session): Readonly<Record<string, number>> {
  const found = [...user.declarations.values()].flatMap(({ kind, name }): [string, number][] => {
    const value = kind === 'const' ? user.evaluated.get(name.text)?.value : undefined
    return value?.kind === 'number' ? [[name.text, value.value]] : []
  })
  return Object.fromEntries(found)
}

/** A limit that ends everything was reported where it was hit; a full stack is the net below the other limits. */
function reportOverflow(session: Session, ast: SourceFile, error: unknown): void {
  if (error instanceof ElaborationStop) return
  if (!(error instanceof RangeError) && !(error instanceof DimensionError)) throw error
  addDiagnostic(session, {
    code: 'NN0262',
    severity: 'error',
    span: wholeFile(ast),
    message: `this program is too large or too deeply nested: ${error.message}`,
    labels: [],
  })
}

function createSession(
  ast: SourceFile,
  options: CheckOptions,
): { session: Session; files: ReadonlyMap<string, FileGlobals> } {
  const diagnostics: Diagnostic[] = []
  const reported = new Set<string>()
  const duplicate = (first: Declaration, second: Declaration): void => {
    if (first.kind === 'import' || second.kind === 'import') return
    addDiagnostic(
      { diagnostics, reported },
      {
        code: 'NN0202',
        severity: 'error',
        span: second.name.span,
        message: `\`${second.name.text}\` is declared twice`,
        labels: [{ span: first.name.span, message: 'first here' }],
      },
    )
  }
  const library = collectGlobals(options.library, undefined, duplicate)
  const user = collectGlobals([ast], library, duplicate)
  const files = new Map<string, FileGlobals>([[ast.file, { ast, globals: user }]])
  for (const [name, imported] of options.imports ?? [])
    files.set(name, { ast: imported, globals: collectGlobals([imported], library, duplicate) })
  linkImports({ diagnostics, reported }, files)
  const session: Session = {
    diagnostics,
    reported,
    user,
    library,
    settings: options.settings ?? {},
    dims: new Map(),
    hypers: new Map(),
    variables: new Map(),
    init: createEntry('init', 'init'),
    sites: new Set(),
    elaborated: new Set(),
    modelDims: new Map(),
    severalModels: modelsOf(ast, files).size > 1,
    modelNames: new Map(),
    trainers: new Map(),
    settled: new Set(),
    rigid: false,
    progress: { expressionDepth: 0, evaluations: 0 },
  }
  return { session, files }
}

function elaborateFile(
  session: Session,
  ast: SourceFile,
  files: ReadonlyMap<string, FileGlobals>,
  entries: CheckedEntry[],
  trains: CheckedTrain[],
): void {
  checkSettings(session, ast)
  const frame = entryFrame(session, session.init, false, '')
  for (const { globals } of files.values()) runEntry(() => declareGlobals({ ...frame, globals }, globals))
  for (const declaration of ast.declarations) {
    if (declaration.kind !== 'train') continue
    const train = checkTrain(session, declaration)
    trains.push(train)
    entries.push(...train.entries)
  }
  const inferNames = new Set<string>()
  for (const declaration of ast.declarations) {
    if (declaration.kind !== 'infer') continue
    inferNames.add(declaration.name.text)
    entries.push(checkInfer(session, declaration))
  }
  const trained = new Set(session.elaborated)
  for (const declaration of ast.declarations) {
    if (declaration.kind !== 'model' || session.user.declarations.get(declaration.name.text) !== declaration) continue
    if (!inferNames.has(declaration.name.text))
      entries.push(checkModel(session, declaration, session.user, declaration.name.text))
  }
  for (const [name, { declaration, globals }] of session.user.imported)
    if (declaration.kind === 'model' && !inferNames.has(name))
      entries.push(checkModel(session, declaration, globals, name))
  checkUnused(session)
  reportUnusedNames(session, ast, trained)
  reportShadowing(session, ast)
  reportDataFields(session, ast)
  reportUntrained(session, ast)
}

/** Dimensions with their ranges, hypers, and constants, used or not. */
function declareGlobals(frame: Frame, globals: Globals): void {
  const { session } = frame
  for (const declaration of globals.declarations.values()) {
    const name = declaration.name.text
    if (declaration.kind === 'dim') {
      const range = declaration.range ? evaluateRange(frame, globals, declaration.range) : { minimum: 1, maximum: 512 }
      const known = session.dims.get(name)
      if (known && (known.minimum !== range.minimum || known.maximum !== range.maximum))
        report(
          frame,
          'NN0202',
          declaration.name.span,
          `the dimension \`${name}\` is ${range.minimum}..${range.maximum} here and ${known.minimum}..${known.maximum} in another file`,
          { hint: 'declare it in one file and import it in the other' },
        )
      session.dims.set(name, { name, ...range })
    } else if (declaration.kind === 'hyper') {
      if (session.hypers.has(name)) {
        report(frame, 'NN0202', declaration.name.span, `another file of the program has a hyper \`${name}\` too`, {
          hint: 'declare it in one file and import it in the other',
        })
        continue
      }
      const hyper = evaluateHyper(frame, declaration, globals)
      if (hyper) session.hypers.set(name, hyper)
    } else if (declaration.kind === 'const') evaluateConst(frame, declaration, globals)
  }
}

/** A model by its own name is an entry point too; sizes it was used with elsewhere hold here. */
function checkModel(
  session: Session,
  declaration: CallableDeclaration,
  globals: Globals,
  entryName: string,
): CheckedEntry {
  const { name } = declaration
  const entry = createEntry(entryName, 'infer')
  const frame: Frame = { ...entryFrame(session, entry, false, entryName), globals }
  runEntry(() => {
    const known = session.modelDims.get(declaration)
    for (const generic of genericNames(frame, declaration.inputs)) {
      const size = known?.get(generic.name)
      if (size !== undefined && isConstant(size)) bind(frame.scope, generic.name, integer(size, { span: generic.span }))
    }
    bindRuntimeDims(frame, declaration.inputs)
    const instance = instantiate(frame, declaration, globals, [], name.span, { owner: declaration, index: 0 })
    if (!instance) return
    const inputs = new Map<CallableDeclaration['inputs'][number], { value: TensorValue; span: Span }>()
    for (const parameter of declaration.inputs) {
      const tensor = inputTensor(frame, parameter)
      if (!tensor) return
      inputs.set(parameter, { value: tensor, span: parameter.span })
    }
    const { config } = instance
    const what = `\`${name.text}\``
    const value = invoke(frame, { declaration, globals, instance, config, inputs, span: name.span, what })
    const names = declaration.result?.kind === 'tuple' ? declaration.result.items.map((item) => item.name?.text) : []
    addResults(frame, declaration, value, names)
  })
  return finishEntry(entry)
}

function checkSettings(session: Session, ast: SourceFile): void {
  const known = [...session.user.declarations.values()]
    .filter((declaration) => declaration.kind === 'const' || declaration.kind === 'hyper')
    .map((declaration) => declaration.name.text)
  for (const [name, value] of Object.entries(session.settings)) {
    const problem = !known.includes(name)
      ? `the file declares no \`const\` or \`hyper\` called \`${name}\` to set`
      : Number.isFinite(value)
        ? undefined
        : `\`${name}\` cannot be set to ${value}`
    if (problem === undefined) continue
    const similar = suggest(name, known)
    addDiagnostic(session, {
      code: 'NN0248',
      severity: 'error',
      span: wholeFile(ast),
      message: problem,
      labels: [],
      ...(similar !== undefined && similar !== name
        ? { hint: `did you mean \`${similar}\`?` }
        : known.length > 0 && { hint: `there are ${known.map((own) => `\`${own}\``).join(', ')}` }),
    })
  }
}

/** The run-time dimensions that some entry's inputs have. */
function usedDims(session: Session, entries: readonly CheckedEntry[]) {
  const names = new Set<string>()
  const visit = ({ type, form }: CheckedValue): void => {
    for (const dim of type.shape) if (!isConstant(dim)) for (const name of symbolsOf(dim)) names.add(name)
    if (form.kind === 'loop') form.body.values.forEach(visit)
  }
  for (const entry of entries) entry.values.forEach(visit)
  return [...session.dims.values()].filter(({ name }) => names.has(name))
}

/** The hypers of the file, and those of imported files that something uses. */
function usedHypers(session: Session, entries: readonly CheckedEntry[]) {
  const used = new Set<string>()
  for (const { values } of entries)
    for (const { form } of values) if (form.kind === 'operation' && form.op === 'hyper') used.add(form.attributes.name)
  return [...session.hypers.values()].filter(({ name }) => used.has(name) || session.user.declarations.has(name))
}

function wholeFile(ast: SourceFile): Span {
  return { file: ast.file, start: 0, end: 0 }
}

/** `folder/digits.nn` → `digits` */
function programName(file: string): string {
  return (file.split(/[\\/]/).at(-1) ?? file).replace(/\.nn$/, '')
}
