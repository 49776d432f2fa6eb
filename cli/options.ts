import { InvalidArgumentError, Option } from 'commander'

/** Option values several commands share, parsed; a bad value is a usage error that quotes it. */

/** Numbers by name, as `--set` and `--hyper` collect them. */
export type Assignments = Readonly<Record<string, number>>

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/

/** `--set Hidden=256`, repeatable: constants of the file. */
export function setOption(): Option {
  return new Option('--set <Name=value>', 'give a `const` of the file another value (repeatable)').argParser(
    (text: string, previous?: Assignments) => assignment(text, previous, '--set Hidden=256'),
  )
}

/** `--hyper lr=3e-4`, repeatable: knobs of the compiled module. */
export function hyperOption(): Option {
  return new Option('--hyper <name=value>', 'give a `hyper` of the file another value (repeatable)').argParser(
    (text: string, previous?: Assignments) => assignment(text, previous, '--hyper lr=3e-4'),
  )
}

export function buildOption(): Option {
  return new Option('--build <build>', 'which SIMD to run')
    .choices(['plain', 'relaxed'])
    .default(undefined, 'the fastest here')
}

/** `--avx2`: 256-bit instructions, where the engine can make them. */
export function avx2Option(): Option {
  return new Option(
    '--avx2',
    "switch V8's experimental revectoriser on: 256-bit instructions, the same numbers",
  ).conflicts('build')
}

/** `--threads 2`; several share large steps, with the same numbers for any number of them. */
export function threadsOption(): Option {
  return new Option('--threads <n>', 'threads that share large steps')
    .argParser(positiveInteger)
    .default(undefined, 'one for each core, up to 4')
}

export function cacheOption(): Option {
  return new Option('--no-cache', 'compile afresh')
}

/** A whole number of at least 1. */
export function positiveInteger(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It must be a whole number from 1.')
  return value
}

/** A time in minutes, 0 too. */
export function minutes(text: string): number {
  const value = Number(text)
  if (!(text.trim() !== '' && value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('It must be a number of minutes, 0 or more.')
  return value
}

/** How many folds a cross-validation has. */
export function foldCount(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 2 || value > 1000)
    throw new InvalidArgumentError('It must be a whole number from 2 to 1000.')
  return value
}

export function positiveNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

/** A seed: a 32-bit whole number. */
export function seed(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 0xffffffff)
    throw new InvalidArgumentError('It must be a whole number from 0 to 4294967295.')
  return value
}

function assignment(text: string, previous: Assignments | undefined, example: string): Assignments {
  const match = ASSIGNMENT.exec(text)
  const value = Number(match?.[2])
  if (!match || match[2]!.trim() === '' || !Number.isFinite(value))
    throw new InvalidArgumentError(`Write a name, an equals sign and a number, as in ${example}.`)
  return { ...previous, [match[1]!]: value }
}
