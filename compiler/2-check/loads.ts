/** `load` blocks: which tensor of a file each parameter and state of a model starts from. */

import { matchesPattern } from '../../runtime/pattern.ts'
import type { LoadDeclaration, SourceFile } from '../1-parse/ast.ts'
import type { DiagnosticCode, DiagnosticLabel, Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import type { CheckedEntry, CheckedLoad, LoadedTensor } from './checked.ts'
import { findGlobal } from './globals.ts'
import { type RenamePattern, readRenamePattern, renamed } from './rename-pattern.ts'
import { listed, reportNoMatch, requireMatch } from './require-match.ts'
import { addDiagnostic, type Session, type VariableRecord } from './session.ts'
import { displayType } from './values.ts'

type MapRule = Extract<LoadDeclaration['rules'][number], { kind: 'map' }>

/** A variable under the path patterns are compared with: within the model. */
interface Place {
  readonly path: string
  readonly variable: VariableRecord
}

interface ReadMap {
  readonly rule: MapRule
  readonly pattern: RenamePattern
}

/** Checks the file's `load` blocks, and says where every value comes from. The files themselves are not looked at. */
export function checkLoads(session: Session, ast: SourceFile, entries: readonly CheckedEntry[]): CheckedLoad[] {
  // Where the models themselves are wrong, their parameters are not all known.
  const sound = session.diagnostics.every(({ severity }) => severity !== 'error')
  const loaded = new Map<string, Span>()
  return ast.declarations.flatMap((declaration) => {
    if (declaration.kind !== 'load') return []
    const maps = readMaps(session, declaration)
    const places = placesOf(session, ast, declaration, entries)
    return sound && places ? [checkLoad(session, declaration, maps, places, loaded)] : []
  })
}

function readMaps(session: Session, { rules }: LoadDeclaration): ReadMap[] {
  return rules.flatMap((rule) => {
    if (rule.kind !== 'map') return []
    const pattern = readRenamePattern(rule.from.value, rule.to.value)
    if (!('problem' in pattern)) return [{ rule, pattern }]
    const { side, problem, hint } = pattern
    report(session, 'NN0292', rule[side].span, problem, { hint })
    return []
  })
}

/** What can be loaded: of a model by paths within it, of a train or infer block by the paths checkpoints have. */
function placesOf(
  session: Session,
  ast: SourceFile,
  { name }: LoadDeclaration,
  entries: readonly CheckedEntry[],
): Place[] | undefined {
  const variables = [...session.variables.values()].filter(({ kind }) => kind !== 'optimizer')
  const model = findGlobal(session.user, name.text)?.declaration
  if (model?.kind === 'model') {
    const prefix = session.severalModels ? `${model.name.text}.`.length : 0
    return variables
      .filter((variable) => variable.model === model.name.text)
      .map((variable) => ({ path: variable.name.slice(prefix), variable }))
  }
  if (session.user.missing.has(name.text)) return undefined
  const isBlock = ast.declarations.some(
    (own) => (own.kind === 'train' || own.kind === 'infer') && own.name.text === name.text,
  )
  if (isBlock) {
    const reached = new Set(
      entries
        .filter((entry) => entry.name === name.text || entry.name === `${name.text}.step`)
        .flatMap(({ values }) =>
          values.flatMap(({ form }) =>
            form.kind === 'operation' && form.op === 'variable' ? [form.attributes.name] : [],
          ),
        ),
    )
    return variables
      .filter((variable) => reached.has(variable.name))
      .map((variable) => ({ path: variable.name, variable }))
  }
  const names = ast.declarations.flatMap((own) =>
    own.kind === 'model' || own.kind === 'train' || own.kind === 'infer' ? [own.name.text] : [],
  )
  for (const [imported, { declaration }] of session.user.imported)
    if (declaration.kind === 'model') names.push(imported)
  const similar = suggest(name.text, names)
  report(session, 'NN0291', name.span, `there is no model, train or infer block called \`${name.text}\``, {
    hint: similar ? `did you mean \`${similar}\`?` : names.length > 0 ? `there are ${listed(names)}` : undefined,
  })
  return undefined
}

function checkLoad(
  session: Session,
  declaration: LoadDeclaration,
  maps: readonly ReadMap[],
  places: readonly Place[],
  loaded: Map<string, Span>,
): CheckedLoad {
  const { name, path, rules } = declaration
  const paths = places.map((place) => place.path)
  const missing = rules.flatMap((rule) => (rule.kind === 'missing' ? [rule.pattern] : []))
  const nothing = `no parameter or state of \`${name.text}\``
  for (const pattern of missing) requireMatch(session, pattern, paths, nothing)
  const isMissing = (own: string): boolean => missing.some(({ value }) => matchesPattern(value, own))
  const wanted = places.filter((place) => !isMissing(place.path))
  if (wanted.length === 0)
    report(session, 'NN0295', name.span, nothingLeft(name.text, places.length), {
      labels: missing.slice(0, 1).map(({ span }) => ({ span, message: 'by this' })),
    })
  const used = new Set<ReadMap>()
  const tensors = wanted.map((place): LoadedTensor => {
    const { variable } = place
    const earlier = loaded.get(variable.name)
    if (earlier)
      report(session, 'NN0293', name.span, `\`${place.path}\` is loaded by another \`load\` block as well`, {
        labels: [{ span: earlier, message: 'here' }],
        hint: `leave it to one of them: \`missing "${place.path}"\` in the other`,
      })
    loaded.set(variable.name, name.span)
    return tensorFor(session, place, maps, used, name.span)
  })
  for (const map of maps) {
    if (used.has(map)) continue
    const hidden = paths.find((own) => isMissing(own) && renamed(map.pattern, own) !== undefined)
    if (hidden === undefined) reportNoMatch(session, map.rule.to, paths, nothing)
    else
      report(
        session,
        'NN0235',
        map.rule.to.span,
        `\`${map.rule.to.value}\` matches only what is \`missing\`, as \`${hidden}\``,
      )
  }
  const unused = rules.flatMap((rule) => (rule.kind === 'unused' ? [rule.pattern] : []))
  return { name: name.text, path, tensors, unused, span: declaration.span }
}

function nothingLeft(name: string, count: number): string {
  return count === 0
    ? `\`${name}\` has no parameters to load`
    : `everything in \`${name}\` is \`missing\`: there is nothing to load`
}

/** The tensor a variable starts from: the one a `map` names, else the one of its own path. */
function tensorFor(
  session: Session,
  { path, variable }: Place,
  maps: readonly ReadMap[],
  used: Set<ReadMap>,
  place: Span,
): LoadedTensor {
  let found: { readonly map: ReadMap; readonly tensor: string } | undefined
  for (const map of maps) {
    const tensor = renamed(map.pattern, path)
    if (tensor === undefined) continue
    used.add(map)
    if (found === undefined) found = { map, tensor }
    else
      report(session, 'NN0293', map.rule.to.span, `\`${path}\` is mapped twice`, {
        labels: [{ span: found.map.rule.to.span, message: 'first here' }],
        hint: 'let one pattern match less, so that each parameter has one tensor',
      })
  }
  if (found === undefined) return { variable: variable.name, tensor: path, span: place }
  const { tensor, map } = found
  const { conversion, span } = map.rule
  const common = { variable: variable.name, tensor, span }
  if (conversion?.kind === 'reshape') return { ...common, reshape: true }
  const order = conversion && axisOrder(session, conversion, variable)
  return order ? { ...common, order } : common
}

/** The axes of the tensor in the order the variable has them. */
function axisOrder(
  session: Session,
  { order, span }: Extract<NonNullable<MapRule['conversion']>, { kind: 'transpose' }>,
  variable: VariableRecord,
): number[] | undefined {
  const rank = variable.type.shape.length
  const what = `\`${variable.name}\` is ${displayType(variable.type)}`
  const axes = Array.from({ length: rank }, (_, axis) => axis)
  if (order === undefined) {
    if (rank >= 2) return [...axes.slice(0, -2), rank - 1, rank - 2]
    report(session, 'NN0294', span, `\`transpose\` exchanges the last two axes, but ${what}`, {
      hint: 'let the pattern match less, and map the others without `transpose`',
    })
    return undefined
  }
  const given = order.map(({ value }) => value)
  if (given.length === rank && axes.every((axis) => given.includes(axis))) return given
  report(
    session,
    'NN0294',
    span,
    `${what}, so \`transpose\` needs an order of ${rank === 0 ? 'no axes' : `the axes 0 to ${rank - 1}`}, each once`,
  )
  return undefined
}

function report(
  session: Session,
  code: DiagnosticCode,
  span: Span,
  message: string,
  { labels = [], hint }: { readonly labels?: readonly DiagnosticLabel[]; readonly hint?: string | undefined } = {},
): void {
  addDiagnostic(session, { code, severity: 'error', span, message, labels, ...(hint !== undefined && { hint }) })
}
