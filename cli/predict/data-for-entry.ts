import type { DataDeclaration } from '../../compiler/1-parse/ast.ts'
import type { ManifestEntry, ManifestTrain } from '../../runtime/manifest.ts'

/** The data block of the train block whose data feeds most of the entry's inputs; the first of several. */
export function dataForEntry(
  entry: ManifestEntry,
  declarations: readonly DataDeclaration[],
  trains: readonly ManifestTrain[],
): DataDeclaration | undefined {
  const inputs = new Set(entry.inputs.map((input) => input.name))
  const used = declarations.filter((declaration) => trains.some((train) => train.data === declaration.name.text))
  const fed = (declaration: DataDeclaration): number =>
    declaration.statements.filter((statement) => statement.kind === 'field' && inputs.has(statement.name.text)).length
  return [...used].sort((a, b) => fed(b) - fed(a))[0]
}
