/** Rows divided for cross-validation, as the split of their data block says. Pure. */
import { UserError } from '../user-error.ts'
import { DataFault } from './data-fault.ts'
import type { DataPlan, SplitPlan } from './plan.ts'
import { type PartRows, type SplitKeys, shuffledRows, splitRows, unitsOf } from './split.ts'

/** What folds are made of: all rows but those of the part `test`, or these too. */
export type FoldRows = 'learning' | 'all'

/** The split of a data block that can be cross-validated; throws for one that cannot. */
export function splitForFolds({ name, source, test, split }: DataPlan, over: FoldRows): SplitPlan {
  if (source.format === 'text')
    throw new DataFault(
      'NN0407',
      source.span,
      'one text has no rows to make folds of: each piece goes on where another ends',
      'read the files one by one, `source documents(…)`, or measure one held-out part, without --folds',
    )
  if (!split)
    throw new UserError(
      `\`data ${name}\` has no \`split\`, which says how folds are made`,
      'add one, as in `split train 80%, valid 20% seed 1`; `stratified by`, `by` and `in order` hold for folds too',
    )
  if (over === 'all' && test)
    throw new DataFault(
      'NN0407',
      test.span,
      'the part `test` has files of its own, which no fold is made of',
      'leave out --folds-over all',
    )
  return split
}

/**
 * Divides rows into `count` folds, each the part `test` once: groups stay whole, strata are divided by themselves, and
 * the folds are as even as the groups allow. What a fold learns from is divided into `train` and `valid` in the
 * proportion of the split. Rows in order are not shuffled: a fold learns from what comes before its test rows only, so
 * the first piece of `count` + 1 is never tested.
 */
export function foldRows(rows: Int32Array, split: SplitPlan, keys: SplitKeys, count: number): readonly PartRows[] {
  const tested = split.manner?.kind === 'in order' ? inOrder(rows, keys, count) : shuffled(rows, split, keys, count)
  return tested.map(({ learned, test }) => ({ ...splitLearned(learned, split, keys), test }))
}

interface TestedRows {
  readonly learned: Int32Array
  readonly test: Int32Array
}

function shuffled(rows: Int32Array, split: SplitPlan, keys: SplitKeys, count: number): readonly TestedRows[] {
  const folds = Array.from({ length: count }, () => [] as number[])
  let all = 0
  for (const stratum of keys.strata ?? [rows]) {
    const units = unitsOf(stratum, keys)
    all += units.length
    const order = [...shuffledRows(units.length, split.seed)].map((unit) => units[unit]!)
    // The largest groups first, so that the small ones can make up for them.
    order.sort((a, b) => b.length - a.length)
    const taken = new Array<number>(count).fill(0)
    for (const unit of order) {
      let least = 0
      for (let fold = 1; fold < count; fold++)
        if (
          taken[fold]! < taken[least]! ||
          (taken[fold] === taken[least] && folds[fold]!.length < folds[least]!.length)
        )
          least = fold
      folds[least]!.push(...unit)
      taken[least]! += unit.length
    }
  }
  if (all < count) throw tooFew(count, all, keys)
  return folds.map((chosen) => {
    const test = new Set(chosen)
    return { learned: rows.filter((row) => !test.has(row)), test: Int32Array.from(chosen).sort() }
  })
}

function inOrder(rows: Int32Array, keys: SplitKeys, count: number): readonly TestedRows[] {
  const units = unitsOf(rows, keys)
  const pieces = count + 1
  if (units.length < pieces) throw tooFew(pieces, units.length, keys)
  const found = Array.from({ length: pieces }, () => [] as number[])
  let piece = 0
  let taken = 0
  units.forEach((unit, at) => {
    const full = taken >= ((piece + 1) * rows.length) / pieces
    // No piece is left empty by large groups at the end.
    if (found[piece]!.length > 0 && (full || units.length - at < pieces - piece)) piece++
    found[piece]!.push(...unit)
    taken += unit.length
  })
  return found.slice(1).map((test, before) => ({
    learned: Int32Array.from(found.slice(0, before + 1).flat()),
    test: Int32Array.from(test),
  }))
}

function splitLearned(learned: Int32Array, split: SplitPlan, keys: SplitKeys): PartRows {
  const parts = split.parts.filter(({ part }) => part !== 'test')
  const total = parts.reduce((sum, { percent }) => sum + percent, 0)
  const among = new Set(learned)
  const strata = keys.strata?.map((stratum) => stratum.filter((row) => among.has(row)))
  return splitRows(
    learned,
    { ...split, parts: parts.map(({ part, percent }) => ({ part, percent: (100 * percent) / total })) },
    { ...keys, ...(strata && { strata }) },
  )
}

function tooFew(needed: number, found: number, { groupOf }: SplitKeys): UserError {
  return new UserError(
    `so many folds need ${needed} ${groupOf ? 'groups of rows' : 'rows'}, and there ${found === 1 ? 'is' : 'are'} ${found}`,
    'give a smaller number to --folds',
  )
}
