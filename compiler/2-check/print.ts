/** The text `--dump` shows for a checked program. */
import { formatDim, formatShape } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import type {
  AffineSubscript,
  CheckedEntry,
  CheckedProgram,
  CheckedValue,
  IndexedExpression,
  LoopForm,
} from './checked.ts'

export function printChecked(program: CheckedProgram): string {
  const lines = [`program ${program.name}`]
  for (const dim of program.dims) lines.push(`dim ${dim.name} in ${dim.minimum}..${dim.maximum}`)
  for (const hyper of program.hypers) {
    const range = hyper.minimum === undefined ? '' : ` in ${hyper.minimum}..${hyper.maximum}`
    lines.push(`hyper ${hyper.name} = ${hyper.default}${range} ${hyper.scale}`)
  }
  for (const variable of program.variables) lines.push(`${variable.kind} ${variable.name}: ${printType(variable.type)}`)
  for (const train of program.trains) lines.push(`train ${JSON.stringify(train)}`)
  for (const { name, path, tensors, unused } of program.loads) {
    lines.push(`load ${name} from ${JSON.stringify(path.value)}`)
    for (const { variable, tensor, order, reshape } of tensors)
      lines.push(
        `  ${variable} = ${tensor}${order ? ` transpose [${order.join(', ')}]` : ''}${reshape ? ' reshape' : ''}`,
      )
    for (const { value } of unused) lines.push(`  unused ${value}`)
  }
  return `${[...lines, ...program.entries.map(printEntry)].join('\n')}\n`
}

function printEntry(entry: CheckedEntry): string {
  const lines = [``, `${entry.kind} ${entry.name}`]
  lines.push(...printValues(entry.values, '  '))
  for (const update of entry.updates) lines.push(`  update ${update.variable} = %${update.value}`)
  for (const output of entry.outputs) lines.push(`  output ${output.name} = %${output.value}`)
  return lines.join('\n')
}

function printValues(values: readonly CheckedValue[], indent: string): string[] {
  return values.flatMap(({ type, form }, id) => {
    const line = `${indent}%${id}: ${printType(type)} = `
    return form.kind === 'loop'
      ? [`${line}${printLoop(form)}`, ...printLoopBody(form, `${indent}  `)]
      : [line + printForm(form)]
  })
}

function printLoop({ steps, carries, elements, outside }: LoopForm): string {
  const group = (name: string, values: readonly number[]): string =>
    values.length === 0 ? '' : ` ${name} ${values.map((value) => `%${value}`).join(', ')}`
  const heading =
    steps.kind === 'scan'
      ? `scan over ${formatDim(steps.length)}${steps.reverse ? ' reverse' : ''}`
      : `iterate until ${steps.tolerance} within ${steps.limit}`
  return `${heading}${group('carry', carries)}${group('element', elements)}${group('outside', outside)}`
}

function printLoopBody({ body }: LoopForm, indent: string): string[] {
  const outputs = (name: string, values: readonly number[]): string[] =>
    values.map((value, at) => `${indent}${name}${at} = %${value}`)
  return [...printValues(body.values, indent), ...outputs('carry', body.carries), ...outputs('yield', body.yields)]
}

function printForm(form: Exclude<CheckedValue['form'], LoopForm>): string {
  if (form.kind === 'indexed')
    return `[${form.indices.map((index) => `${index.name} < ${formatDim(index.extent)}`).join(', ')}] ${printElement(form.body)}`
  const operands = form.operands.map((operand) => `%${operand}`)
  const attributes = Object.entries(form.attributes).map(([name, value]) => `${name} = ${printAttribute(value)}`)
  return `${form.op}(${[...operands, ...attributes].join(', ')})`
}

function printAttribute(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printAttribute).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    if ('key' in value) return String(value.key)
    if ('dtype' in value) return printType(value as TensorType)
  }
  return typeof value === 'string' ? value : String(value)
}

function printElement(expression: IndexedExpression): string {
  switch (expression.kind) {
    case 'constant':
      return String(expression.value)
    case 'scalar':
      return `%${expression.value}`
    case 'position':
      return printSubscript(expression.subscript)
    case 'read': {
      const subscripts = expression.subscripts.map((item) =>
        'kind' in item ? printElement(item) : printSubscript(item),
      )
      const read = `%${expression.value}[${subscripts.join(', ')}]`
      return expression.otherwise === undefined ? read : `(${read} ?? ${expression.otherwise})`
    }
    case 'elementwise':
      return `${expression.op}(${expression.operands.map(printElement).join(', ')})`
    case 'cast':
      return `${expression.dtype}(${printElement(expression.operand)})`
    case 'reduce': {
      const indices = expression.indices.map((index) => `${index.name} < ${formatDim(index.extent)}`)
      return `${expression.reducer}[${indices.join(', ')}](${printElement(expression.body)})`
    }
  }
}

function printSubscript({ coefficients, constant }: AffineSubscript): string {
  const terms = Object.entries(coefficients).map(([name, factor]) => (factor === 1 ? name : `${factor} * ${name}`))
  if (constant !== 0 || terms.length === 0) terms.push(formatDim(constant))
  return terms.join(' + ')
}

function printType({ dtype, shape }: TensorType): string {
  return shape.length === 0 ? dtype : `${dtype}${formatShape(shape)}`
}
