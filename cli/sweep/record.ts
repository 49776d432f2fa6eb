import { readFile } from 'node:fs/promises'
import { replaceFile } from '../replace-file.ts'
import { UserError } from '../user-error.ts'
import type { Space } from './space.ts'
import type { Objective, Trial } from './trial.ts'

/** A sweep as `<name>.sweep.json` keeps it. */
export interface SweepRecord extends SweepFacts {
  readonly format: typeof FORMAT
  readonly trials: readonly Trial[]
}

/** What must be the same for trials of one sweep. */
export interface SweepFacts {
  readonly file: string
  /** A digest of its text. */
  readonly source: string
  readonly train: string
  readonly space: Space
  readonly objective: Objective
  /** Everything else the command line gave, by option. */
  readonly fixed: Readonly<Record<string, unknown>>
}

const FORMAT = 'nnc.sweep.1'

/** A trial a line, so that a person can read it. */
export async function writeRecord(path: string, facts: SweepFacts, trials: readonly Trial[]): Promise<void> {
  const head = JSON.stringify({ format: FORMAT, ...facts } satisfies Omit<SweepRecord, 'trials'>).slice(0, -1)
  await replaceFile(
    path,
    `${head},\n"trials":[\n${trials.map((trial) => `  ${JSON.stringify(trial)}`).join(',\n')}\n]}\n`,
  )
}

/**
 * The trials an interrupted sweep has behind it.
 * @param shown how to call the file in messages
 * @throws UserError if there is no such file, or it is of a sweep that differs in more than the number of trials
 */
export async function readRecord(path: string, shown: string, facts: SweepFacts): Promise<readonly Trial[]> {
  const anew = 'without --resume the sweep begins anew'
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new UserError(
      code === 'ENOENT' ? `there is no ${shown} to go on with` : `${shown} cannot be read: ${message}`,
      anew,
    )
  }
  const record = parsed(text)
  if (record?.format !== FORMAT || !Array.isArray(record.trials))
    throw new UserError(`${shown} is not the record of a sweep`, anew)
  const differing = (Object.keys(facts) as (keyof SweepFacts)[]).find(
    (key) => JSON.stringify(record[key]) !== JSON.stringify(facts[key]),
  )
  if (differing === undefined) return record.trials
  const why = {
    file: `is of ${record.file}`,
    source: `is of ${facts.file} as it was before its last change`,
    train: `is of the \`train\` block ${record.train}`,
    space: 'tried other values',
    objective: 'compared its trials by something else',
    fixed: 'was made with other options',
  }[differing]
  throw new UserError(`${shown} ${why}`, anew)
}

function parsed(text: string): SweepRecord | undefined {
  try {
    return JSON.parse(text) as SweepRecord
  } catch {
    return undefined
  }
}
