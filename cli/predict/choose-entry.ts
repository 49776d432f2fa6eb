import { suggest } from '../../compiler/diagnostics/suggest.ts'
import type { ManifestEntry } from '../../runtime/manifest.ts'
import type { OpenModel } from '../open-model.ts'
import { UserError } from '../user-error.ts'

/** The `infer` block or model named, else the first of the file. */
export function chooseEntry({ model, compiled }: OpenModel, named: string | undefined): ManifestEntry {
  const entries = model.manifest.entries.filter((entry) => entry.kind === 'infer')
  const names = entries.map((entry) => entry.name)
  const found = named === undefined ? entries[0] : entries.find((entry) => entry.name === named)
  if (found) return found
  if (named === undefined)
    throw new UserError(`${compiled.source.name} has nothing to predict with: no model, no \`infer\` block`)
  const near = suggest(named, names)
  throw new UserError(
    `${compiled.source.name} has no \`infer\` block or model \`${named}\``,
    near ? `did you mean ${near}?` : `there is ${names.join(', ')}`,
  )
}
