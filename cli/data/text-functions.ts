/** The functions of data blocks for text: one argument they work on, then settings, each a number or a text. */
import type { CallExpression } from '../../compiler/1-parse/ast.ts'
import { DataFault } from './data-fault.ts'

interface SettingForm {
  readonly name: string
  readonly type: 'whole' | 'text'
  /** Of a whole number. */
  readonly least?: number
  readonly required?: true
}

const tokens: readonly SettingForm[] = [
  { name: 'vocabulary', type: 'whole', least: 3 },
  { name: 'length', type: 'whole', least: 1 },
]
const pattern: readonly SettingForm[] = [{ name: 'pattern', type: 'text', required: true }]

const SETTINGS: Readonly<Record<string, readonly SettingForm[]>> = {
  characters: tokens,
  words: tokens,
  window: [
    { name: 'length', type: 'whole', least: 1, required: true },
    { name: 'every', type: 'whole', least: 1 },
    { name: 'shift', type: 'whole', least: 0 },
  ],
  matches: pattern,
  extract: pattern,
  replace: [...pattern, { name: 'by', type: 'text', required: true }],
  time: [],
  near_copies: [{ name: 'percent', type: 'whole', least: 1 }],
}

/** The settings of a call by name. */
export type Settings = Readonly<Record<string, number | string>>

export const textFunctionNames: readonly string[] = Object.keys(SETTINGS)

/** Checks the settings of a call of one of these functions. */
export function checkTextFunction(call: CallExpression): void {
  const { arguments: given, span } = call
  const name = nameOf(call)
  const forms = SETTINGS[name]!
  const [first, ...rest] = given
  if (first === undefined || first.name !== undefined || rest.length > forms.length)
    throw new DataFault(
      'NN0405',
      span,
      forms.length === 0
        ? `\`${name}\` takes one argument, without a name`
        : `\`${name}\` takes what it works on, then ${forms.map((form) => `\`${form.name}\``).join(', ')}`,
    )
  const seen = new Set<string>()
  rest.forEach((argument, position) => {
    const form = argument.name ? forms.find((known) => known.name === argument.name!.text) : forms[position]
    if (form === undefined)
      throw new DataFault(
        'NN0405',
        argument.span,
        `\`${name}\` has no setting \`${argument.name!.text}\``,
        `it has ${forms.map((known) => `\`${known.name}\``).join(', ') || 'none'}`,
      )
    if (seen.has(form.name)) throw new DataFault('NN0405', argument.span, `\`${form.name}\` is given twice`)
    seen.add(form.name)
    checkSetting(name, form, argument.value)
  })
  const missing = forms.find((form) => form.required && !seen.has(form.name))
  if (missing) throw new DataFault('NN0405', span, `\`${name}\` needs \`${missing.name}\``)
}

function checkSetting(name: string, form: SettingForm, value: CallExpression['arguments'][number]['value']): void {
  if (form.type === 'text') {
    if (value.kind !== 'string')
      throw new DataFault('NN0405', value.span, `\`${form.name}\` of \`${name}\` is a text in quotes`)
    try {
      patternOf(value.value)
    } catch (error) {
      throw new DataFault('NN0405', value.span, `this is no regular expression: ${(error as Error).message}`)
    }
    return
  }
  if (value.kind !== 'number' || !value.integer || value.value < (form.least ?? 0))
    throw new DataFault(
      'NN0405',
      value.span,
      `\`${form.name}\` of \`${name}\` is a whole number from ${form.least ?? 0} on, or made of the file's constants`,
    )
}

/** The settings of a checked call whose constants are numbers. */
export function settingsOf(call: CallExpression): Settings {
  const forms = SETTINGS[nameOf(call)]!
  const settings: Record<string, number | string> = {}
  call.arguments.slice(1).forEach(({ name, value }, position) => {
    const form = name ? forms.find((known) => known.name === name.text)! : forms[position]!
    if (value.kind !== 'number' && value.kind !== 'string')
      throw new Error(`internal: data: the setting ${form.name} is a ${value.kind}`)
    settings[form.name] = value.value
  })
  return settings
}

/** Patterns are JavaScript's regular expressions; `^` and `$` match at every line. */
export function patternOf(text: string, more = ''): RegExp {
  return new RegExp(text, `mu${more}`)
}

export function nameOf({ callee }: CallExpression): string {
  return callee.kind === 'name' ? callee.name : ''
}
