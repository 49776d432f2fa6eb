import { suggest } from '../../compiler/diagnostics/suggest.ts'
import type { ManifestTrain } from '../../runtime/manifest.ts'
import { betterOf } from '../../runtime/watch-epochs.ts'
import { scalarMeasures } from '../train/measure-columns.ts'
import { UserError } from '../user-error.ts'
import type { Objective } from './trial.ts'

/**
 * What trials are compared by: the metric asked for, else the one the file's `stop` rule watches, else the loss.
 * @throws UserError where the data has nothing to choose by, or the train block no such metric
 */
export function objectiveOf(
  settings: ManifestTrain,
  { by, folds }: { readonly by?: string; readonly folds?: number },
  hasValid: boolean,
): Objective {
  if (folds === undefined && !hasValid)
    throw new UserError(
      `\`data ${settings.data}\` has no part valid, and trials must not be compared by what they learned from`,
      'add one, as in `split train 80%, valid 20%`, or compare by folds, as in --folds 5',
    )
  const metric = by ?? settings.stop?.metric ?? 'loss'
  const names = scalarMeasures(settings.metrics).map(({ name }) => name)
  if (!names.includes(metric)) {
    const near = suggest(metric, names)
    throw new UserError(
      `\`train ${settings.name}\` has no metric \`${metric}\` that is one number`,
      near === undefined ? `there is ${names.join(', ')}` : `did you mean ${near}?`,
    )
  }
  return { of: folds === undefined ? 'valid' : 'folds', metric, better: betterOf(settings, metric) }
}
