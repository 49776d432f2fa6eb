import type { DoneEvent, StepEvent } from '../../runtime/api.ts'
import type { ManifestTrain } from '../../runtime/manifest.ts'
import type { Dataset } from '../data/dataset.ts'
import type { OpenModel } from '../open-model.ts'

/** Trains on a fold's rows and measures it on those it has not seen; its validation rows decide the best epoch and the end. */
export async function trainFold(
  { model }: OpenModel,
  settings: ManifestTrain,
  parts: Dataset['parts'],
  { batch, epochs }: { readonly batch?: number; readonly epochs?: number },
  signal: AbortSignal,
  step: (event: StepEvent) => void,
): Promise<DoneEvent> {
  const events = model.fit(settings.name, parts.train!, {
    ...(parts.valid && { valid: parts.valid }),
    test: parts.test!,
    ...(batch !== undefined && { batch }),
    ...(epochs !== undefined && { epochs }),
    signal,
  })
  for await (const event of events) {
    if (event.kind === 'step') step(event)
    else if (event.kind === 'done') return event
  }
  throw new Error('internal: fit ended without saying so')
}
