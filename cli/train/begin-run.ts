import type { OpenModel } from '../open-model.ts'
import type { Assignments } from '../options.ts'
import { type LoadedFile, loadPretrained } from '../pretrained.ts'

/** Everything as before the first step of a run. @returns what `load` blocks brought */
export async function beginRun(
  open: OpenModel,
  { seed, hyper }: { readonly seed?: number; readonly hyper?: Assignments },
): Promise<readonly LoadedFile[]> {
  const { model } = open
  model.init(...(seed === undefined ? [] : [seed | 0]))
  const pretrained = await loadPretrained(open)
  for (const [name, value] of Object.entries(hyper ?? {})) model.hyper.set(name, value)
  return pretrained
}
