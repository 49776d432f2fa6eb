/** What a train block of a compiled file wants and is. Pure: the same in the command and in a page. */
import type { DataDeclaration } from '../compiler/1-parse/ast.ts'
import { suggest } from '../compiler/diagnostics/suggest.ts'
import type { ManifestEntry, ManifestTrain, Model } from '../runtime/index.ts'
import type { WantedInput } from './data/fields.ts'
import { UserError } from './user-error.ts'

/** The train block a command means: the one named, else the only one. */
export function chooseTrain(model: Model, file: string, named: string | undefined): ManifestTrain {
  const { trains } = model.manifest
  const names = trains.map((train) => train.name)
  if (names.length === 0) throw new UserError(`${file} has no \`train\` block`)
  if (named === undefined) {
    if (trains.length === 1) return trains[0]!
    throw new UserError(
      `${file} has several \`train\` blocks: ${names.join(', ')}`,
      `choose one, as in --train ${names[0]}`,
    )
  }
  const found = trains.find((train) => train.name === named)
  if (found) return found
  const near = suggest(named, names)
  throw new UserError(
    `${file} has no \`train\` block \`${named}\``,
    near ? `did you mean ${near}?` : `there is ${names.join(', ')}`,
  )
}

/** The data block a train block names. */
export function dataOf({ data }: { readonly data: readonly DataDeclaration[] }, train: ManifestTrain): DataDeclaration {
  const declaration = data.find(({ name }) => name.text === train.data)
  if (declaration) return declaration
  throw new UserError(
    `\`train ${train.name}\` names no data`,
    `add a \`data\` block and write \`train ${train.name}(…) on NAME { … }\``,
  )
}

/** What a data block has to give for an entry, each input by one row. */
export function wantedInputs(entry: ManifestEntry, batchDim: string | undefined): readonly WantedInput[] {
  return entry.inputs.map(({ name, dtype, shape, limit }) => {
    const row = shape[0] === batchDim ? shape.slice(1) : shape
    const sizes = row.filter((size): size is number => typeof size === 'number')
    return {
      name,
      dtype,
      ...(sizes.length === row.length && { shape: sizes }),
      ...(typeof limit === 'number' && { limit }),
    }
  })
}

/** The entry a train block runs to train; its evaluation takes the same inputs. */
export function stepEntry(model: Model, train: ManifestTrain): ManifestEntry {
  const entry = model.manifest.entries.find(({ name }) => name === train.step)
  if (!entry) throw new Error(`internal: manifest: the step ${train.step} is no entry`)
  return entry
}

/** Rows a step of a train block takes when the command line does not say. */
export function batchOf(model: Model, settings: ManifestTrain): number {
  const dimension = model.manifest.dims.find((dim) => dim.name === settings.batchDim)
  return settings.batch ?? Math.min(32, dimension?.maximum ?? 1)
}

/** Numbers that are trained. */
export function parameterCount(model: Model): number {
  return model.parameters
    .list()
    .filter(({ kind }) => kind === 'parameter')
    .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0)
}
