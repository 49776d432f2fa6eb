import type { LearnedFields } from '../data/fields.ts'
import type { Learned } from '../data/learned.ts'
import { UserError } from '../user-error.ts'

/**
 * Refuses to go on from a checkpoint with data whose categories or words are numbered otherwise than those its weights were
 * trained with: every class would stand for another. Means may differ; they move the inputs a little.
 */
export function checkSameCategories(before: LearnedFields, now: LearnedFields, checkpoint: string): void {
  for (const [field, learned] of Object.entries(before)) {
    learned.forEach((old, at) => {
      const found = now[field]?.[at]
      const [names, others] = [namesOf(old), found && namesOf(found)]
      if (!names || !others || names.join('\n') === others.join('\n')) return
      throw new UserError(
        `\`${field}\` is numbered otherwise than when ${checkpoint} was saved: it had ${shown(names, others)}, and has ${shown(others, names)}`,
        'go on with the data of the checkpoint, or begin anew without --resume',
      )
    })
  }
}

function namesOf(learned: Learned): readonly string[] | undefined {
  return 'names' in learned ? learned.names : undefined
}

/** "3 values with `b`", the first by which a list differs from another. */
function shown(names: readonly string[], others: readonly string[]): string {
  const at = names.findIndex((name, index) => name !== others[index])
  const count = `${names.length} ${names.length === 1 ? 'value' : 'values'}`
  return at < 0 ? count : `${count} with \`${names[at]}\` as number ${at}`
}
