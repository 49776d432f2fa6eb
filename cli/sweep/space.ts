import { InvalidArgumentError, Option } from 'commander'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import type { ManifestHyper } from '../../runtime/manifest.ts'
import type { Assignments } from '../options.ts'
import { UserError } from '../user-error.ts'

/** What a sweep varies: values of `hyper` numbers, which the compiled module reads, and of `const` ones, which need another module. */
export type Space = readonly Axis[]

/** One number of the file and the values it may take. */
export interface Axis {
  readonly name: string
  readonly kind: 'hyper' | 'const'
  /** What the file gives it. */
  readonly own: number
  readonly values: AxisValues
}

export type AxisValues = AxisList | AxisRange

export interface AxisList {
  readonly list: readonly number[]
}

export interface AxisRange {
  readonly minimum: number
  readonly maximum: number
  readonly scale: 'linear' | 'log'
  /** Whole numbers only. */
  readonly whole?: true
}

/** Values to try by name, as `--try` collects them. */
export type Tries = Readonly<Record<string, AxisValues>>

const TRY = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/
const RANGE = /^(.+?)\.\.(.+?)(\s+log)?$/
const WHOLE = /^\s*-?\d+\s*$/

/** `--try Hidden=32,64,128` or `--try 'lr=1e-4..1e-1 log'`, repeatable. */
export function tryOption(): Option {
  return new Option(
    '--try <Name=values>',
    'what to try for a `const` or `hyper`: 32,64,128 or 1e-4..1e-1, with " log" for even ratios (repeatable)',
  ).argParser((text: string, previous?: Tries): Tries => {
    const match = TRY.exec(text)
    if (!match) throw new InvalidArgumentError('Write a name, an equals sign and values, as in --try Hidden=32,64,128.')
    return { ...previous, [match[1]!]: axisValues(match[2]!) }
  })
}

function axisValues(text: string): AxisValues {
  const range = RANGE.exec(text)
  if (!range) return { list: [...new Set(text.split(',').map(numberOf))] }
  const [, from, to, log] = range
  const minimum = numberOf(from!)
  const maximum = numberOf(to!)
  if (minimum >= maximum) throw new InvalidArgumentError(`The range ${minimum}..${maximum} is empty.`)
  if (log && minimum <= 0) throw new InvalidArgumentError('A range with "log" is above 0.')
  const whole = WHOLE.test(from!) && WHOLE.test(to!)
  return { minimum, maximum, scale: log ? 'log' : 'linear', ...(whole && { whole }) }
}

function numberOf(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError(`"${text.trim()}" is no number.`)
  return value
}

/**
 * The numbers of `--try`, and every `hyper` the file declares a range for, in the file's order.
 * @param fixed what `--hyper` and `--set` give a value is not searched
 * @throws UserError where there is nothing to vary, or a value that a hyper cannot take
 */
export function spaceOf(
  file: string,
  hypers: readonly ManifestHyper[],
  constants: Assignments,
  tries: Tries,
  fixed: Assignments,
): Space {
  const names = [...hypers.map(({ name }) => name), ...Object.keys(constants)]
  for (const name of Object.keys(tries)) {
    if (Object.hasOwn(fixed, name))
      throw new UserError(`\`${name}\` is both tried and given one value`, `leave one of the two options out`)
    if (names.includes(name)) continue
    const near = suggest(name, names)
    throw new UserError(
      `${file} declares no \`const\` or \`hyper\` number called \`${name}\``,
      near !== undefined
        ? `did you mean ${near}?`
        : names.length > 0
          ? `there is ${names.join(', ')}`
          : `declare it, as in \`const ${name} = …\``,
    )
  }
  const ofHypers = hypers.flatMap((hyper): Axis[] => {
    const values = Object.hasOwn(fixed, hyper.name) ? undefined : (tries[hyper.name] ?? declaredRange(hyper))
    return values ? [{ name: hyper.name, kind: 'hyper', own: hyper.default, values: within(hyper, values) }] : []
  })
  const ofConstants = Object.entries(constants).flatMap(([name, own]): Axis[] =>
    Object.hasOwn(tries, name) ? [{ name, kind: 'const', own, values: tries[name]! }] : [],
  )
  const space = [...ofHypers, ...ofConstants]
  if (space.length > 0) return space
  throw new UserError(
    `${file} has nothing to try`,
    'declare a range, as in `hyper lr = 1e-3 in 1e-5..1e-1 log`, or give values of a `const`, as in --try Hidden=32,64,128',
  )
}

function declaredRange({ minimum, maximum, scale }: ManifestHyper): AxisRange | undefined {
  if (minimum === undefined || maximum === undefined || minimum === maximum) return undefined
  return { minimum, maximum, scale }
}

/** A hyper is no whole number, and keeps to its declared range. */
function within(hyper: ManifestHyper, values: AxisValues): AxisValues {
  const { name, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = hyper
  const ends = 'list' in values ? values.list : [values.minimum, values.maximum]
  const outside = ends.find((value) => value < minimum || value > maximum)
  if (outside !== undefined)
    throw new UserError(
      `hyper \`${name}\` cannot be ${outside}`,
      `the file declares the range ${minimum}..${maximum}; try values within it, or widen it`,
    )
  if ('list' in values) return values
  return { minimum: values.minimum, maximum: values.maximum, scale: values.scale }
}

/** "lr 1e-5..0.1 (log), Hidden 32, 64, 128" */
export function describeSpace(space: Space): string {
  return space
    .map(({ name, values }) =>
      'list' in values
        ? `${name} ${values.list.join(', ')}`
        : `${name} ${values.minimum}..${values.maximum}${values.scale === 'log' ? ' (log)' : ''}`,
    )
    .join('; ')
}

/** Those of a point's values that need a module of their own. */
export function constantsOf(space: Space, values: Assignments): Assignments {
  return valuesOf(space, values, 'const')
}

/** Those of a point's values that the module reads. */
export function hypersOf(space: Space, values: Assignments): Assignments {
  return valuesOf(space, values, 'hyper')
}

function valuesOf(space: Space, values: Assignments, kind: Axis['kind']): Assignments {
  return Object.fromEntries(space.filter((axis) => axis.kind === kind).map(({ name }) => [name, values[name]!]))
}
