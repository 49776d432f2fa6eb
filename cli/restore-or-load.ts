import { type CheckpointNotes, type OpenModel, restoreWeights } from './open-model.ts'
import { loadPretrained } from './pretrained.ts'
import { UsageError } from './user-error.ts'

/** The saved weights, or without any the pretrained ones of the file's `load` blocks. */
export async function restoreOrLoad(
  open: OpenModel,
  weights: string | undefined,
  directory: string,
): Promise<CheckpointNotes | undefined> {
  if (weights !== undefined) return restoreWeights(open.model, weights, directory, { optimizer: false })
  // What has no parameters needs none.
  if (open.model.variables.names.length === 0) return undefined
  if (open.compiled.loads.length === 0)
    throw new UsageError("required option '--weights <file>' not specified", 'the file has no `load` block either')
  await loadPretrained(open)
  return undefined
}
