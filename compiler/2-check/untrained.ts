/** Warnings about parameters of trained models that no train block changes. */
import type { SourceFile } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { addDiagnostic, isLibrarySpan, type Session } from './session.ts'

const SHOWN = 3

export function reportUntrained(session: Session, ast: SourceFile): void {
  if (session.diagnostics.some((diagnostic) => diagnostic.severity === 'error')) return
  const parameters = [...session.variables.values()].filter(({ kind }) => kind === 'parameter')
  const trainedModels = new Set(parameters.filter(({ name }) => session.settled.has(name)).map(({ model }) => model))
  const byPlace = new Map<Span, string[]>()
  for (const { name, model, span } of parameters) {
    if (!trainedModels.has(model) || session.settled.has(name)) continue
    // A layer of the library is shown at the model that has it.
    const owner = ast.declarations.find((own) => own.kind === 'model' && own.name.text === model)
    const place = isLibrarySpan(span) && owner?.kind === 'model' ? owner.name.span : span
    byPlace.set(place, [...(byPlace.get(place) ?? []), name])
  }
  for (const [span, names] of byPlace) {
    const shown = names
      .slice(0, SHOWN)
      .map((name) => `\`${name}\``)
      .join(', ')
    addDiagnostic(session, {
      code: 'NN0275',
      severity: 'warning',
      span,
      message: `no train block changes ${shown}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''}: no loss depends on ${names.length === 1 ? 'it' : 'them'}`,
      labels: [],
      hint: 'a value that is carried but not trained is a `state`',
    })
  }
}
