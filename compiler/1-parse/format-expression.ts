/** The layout of expressions and types. Parentheses of the source are kept, doubled ones apart. */
import type {
  Argument,
  BinaryExpression,
  Block,
  ConditionalExpression,
  Expression,
  IndexBinder,
  PipelineExpression,
  PipelineStage,
  Range,
  RearrangeItem,
  ScanExpression,
  ShapeItem,
  Subscript,
  TypeExpression,
} from './ast.ts'
import type { CommentCursor } from './comment-cursor.ts'
import { type Document, group, hardLine, indent, join, line, sequence, softLine } from './document.ts'

export interface Formatting {
  readonly source: string
  readonly cursor: CommentCursor
  readonly parenthesized: ReadonlySet<Expression>
  readonly block: (block: Block) => Document
}

export interface ListItem {
  readonly start: number
  readonly end: number
  print(): Document
}

/**
 * Items between brackets: on one line if they fit and hold no comment, else one a line.
 *
 * @param end the offset of the closing bracket, where known
 */
export function formatList(
  open: string,
  items: readonly ListItem[],
  close: string,
  formatting: Formatting,
  options: { end?: number; pad?: boolean } = {},
): Document {
  const { cursor } = formatting
  const edge = options.pad ? line : softLine
  const parts: Document[] = []
  items.forEach((item, index) => {
    for (const comment of cursor.takeBefore(item.start)) parts.push(comment.text, hardLine)
    parts.push(item.print())
    const last = index === items.length - 1
    const trailing = cursor.takeTrailing(item.end, last ? options.end : items[index + 1]!.start)
    if (!last) parts.push(',')
    if (trailing !== undefined) parts.push(` ${trailing.text}`)
    if (!last) parts.push(trailing === undefined ? line : hardLine)
  })
  const rest = options.end === undefined ? [] : cursor.takeBefore(options.end)
  for (const comment of rest) parts.push(parts.length === 0 ? '' : hardLine, comment.text)
  if (parts.length === 0) return `${open}${close}`
  const commented = rest.length > 0 || parts.some((part) => typeof part === 'string' && /^ ?\/\//.test(part))
  return group(sequence([open, indent(sequence([edge, ...parts])), commented ? hardLine : edge, close]))
}

export function formatExpression(expression: Expression, formatting: Formatting): Document {
  const document = formatBare(expression, formatting)
  return formatting.parenthesized.has(expression) ? sequence(['(', document, ')']) : document
}

function formatBare(expression: Expression, formatting: Formatting): Document {
  const { source } = formatting
  const inner = (part: Expression) => formatExpression(part, formatting)
  switch (expression.kind) {
    case 'number':
      return source.slice(expression.span.start, expression.span.end)
    case 'string':
      return source.slice(expression.span.start, expression.span.end)
    case 'boolean':
      return String(expression.value)
    case 'name':
      return expression.name
    case 'call':
      return sequence([inner(expression.callee), formatArguments(expression, expression.arguments, formatting)])
    case 'index':
      return sequence([inner(expression.target), formatSubscripts(expression.subscripts, formatting)])
    case 'member':
      return sequence([inner(expression.target), `.${expression.member.text}`])
    case 'unary':
      return sequence([expression.operator === 'not' ? 'not ' : '-', inner(expression.operand)])
    case 'binary':
      return formatBinary(expression, formatting)
    case 'conditional':
      return formatConditional(expression, formatting)
    case 'pipeline':
      return formatPipeline(expression, formatting)
    case 'reduction':
      return sequence([
        expression.reducer,
        formatBinders(expression.indices),
        formatList('(', [listItem(expression.body, formatting)], ')', formatting, {
          end: closing(expression, formatting),
        }),
      ])
    case 'tuple':
      return formatItems('(', expression.items, ')', expression, formatting)
    case 'list':
      return formatItems('[', expression.items, ']', expression, formatting)
    case 'scan':
      return sequence([
        'scan ',
        join(
          expression.elements.map(({ name, source: elements }) => sequence([`${name.text} in `, inner(elements)])),
          ', ',
        ),
        ' over ',
        inner(expression.over),
        expression.reverse ? ' reverse' : '',
        expression.carries.length === 0 ? '' : ' carry ',
        formatCarries(expression.carries, formatting),
        ' ',
        formatting.block(expression.body),
      ])
    case 'iterate':
      return sequence([
        'iterate ',
        formatCarries(expression.carries, formatting),
        expression.tolerance ? ' until ' : '',
        expression.tolerance ? inner(expression.tolerance) : '',
        ' within ',
        inner(expression.limit),
        expression.unrolled ? ' unrolled' : '',
        expression.counted ? ' counted ' : ' ',
        formatting.block(expression.body),
      ])
    case 'rearrange':
      return sequence([
        'rearrange',
        group(
          sequence([
            '(',
            indent(
              sequence([
                softLine,
                inner(expression.input),
                ',',
                line,
                `${formatRearrangement(expression.from)} -> ${formatRearrangement(expression.to)}`,
                ...expression.sizes.flatMap((size) => [',', line, formatArgument(size, formatting)]),
              ]),
            ),
            softLine,
            ')',
          ]),
        ),
      ])
  }
}

/** The offset of the bracket that closes an expression, which may have parentheses around it. */
function closing(expression: Expression, { parenthesized }: Formatting): number | undefined {
  return parenthesized.has(expression) ? undefined : expression.span.end - 1
}

function listItem(expression: Expression, formatting: Formatting): ListItem {
  const { start, end } = expression.span
  return { start, end, print: () => formatExpression(expression, formatting) }
}

function formatItems(
  open: string,
  items: readonly Expression[],
  close: string,
  whole: Expression,
  formatting: Formatting,
): Document {
  const end = closing(whole, formatting)
  return formatList(
    open,
    items.map((item) => listItem(item, formatting)),
    close,
    formatting,
    end === undefined ? {} : { end },
  )
}

function formatArguments(whole: Expression, values: readonly Argument[], formatting: Formatting): Document {
  const end = closing(whole, formatting)
  return formatList(
    '(',
    values.map((argument) => ({
      start: argument.span.start,
      end: argument.span.end,
      print: () => formatArgument(argument, formatting),
    })),
    ')',
    formatting,
    end === undefined ? {} : { end },
  )
}

function formatArgument({ name, value }: Argument, formatting: Formatting): Document {
  return sequence([name === undefined ? '' : `${name.text} = `, formatExpression(value, formatting)])
}

function formatSubscripts(subscripts: readonly Subscript[], formatting: Formatting): Document {
  const printed = subscripts.map((subscript): Document => {
    if (subscript.kind === 'ellipsis') return '...'
    if (subscript.kind === 'expression') return formatExpression(subscript.value, formatting)
    const { from, to, step } = subscript
    const part = (expression: typeof from) => (expression ? formatExpression(expression, formatting) : '')
    return sequence([part(from), ':', part(to), ...(step ? [':', part(step)] : [])])
  })
  return group(sequence(['[', indent(sequence([softLine, join(printed, sequence([',', line]))])), softLine, ']']))
}

export function formatBinders(binders: readonly IndexBinder[]): string {
  return `[${binders.map((binder) => (binder.kind === 'ellipsis' ? '...' : binder.name.text)).join(', ')}]`
}

function formatRearrangement(items: readonly RearrangeItem[]): string {
  const printed = items.map((item) => {
    if (item.kind === 'axis') return item.name.text
    return item.kind === 'ellipsis' ? '...' : `(${item.names.map((name) => name.text).join(', ')})`
  })
  return `[${printed.join(', ')}]`
}

function formatCarries(carries: ScanExpression['carries'], formatting: Formatting): Document {
  return join(
    carries.map(({ name, type, initial }) =>
      sequence([
        name.text,
        ...(type ? [': ', formatType(type, formatting)] : []),
        ' = ',
        formatExpression(initial, formatting),
      ]),
    ),
    ', ',
  )
}

/** Operators of one strength in a row stand below one another when they do not fit on a line. */
const strengths = ['??', 'or', 'and', '== != < <= > >=', '+ -', '* / % @', '^'].map((signs) => signs.split(' '))

function strength(operator: string): number {
  return strengths.findIndex((signs) => signs.includes(operator))
}

function formatBinary(expression: BinaryExpression, formatting: Formatting): Document {
  const { cursor, parenthesized } = formatting
  const rank = strength(expression.operator)
  const chain: BinaryExpression[] = [expression]
  let first = expression.left
  while (first.kind === 'binary' && strength(first.operator) === rank && !parenthesized.has(first)) {
    chain.unshift(first)
    first = first.left
  }
  const parts: Document[] = []
  let end = first.span.end
  const head = formatExpression(first, formatting)
  for (const { operator, operatorSpan, right } of chain) {
    const comment = cursor.takeTrailing(end, right.span.start)
    if (comment !== undefined) parts.push(` ${comment.text}`, hardLine)
    else parts.push(line)
    const leading = cursor.takeBefore(Math.max(operatorSpan.start, right.span.start))
    for (const { text } of leading) parts.push(text, hardLine)
    parts.push(`${operator} `, formatExpression(right, formatting))
    end = right.span.end
  }
  return group(sequence([head, indent(sequence(parts))]))
}

function formatConditional(expression: ConditionalExpression, formatting: Formatting): Document {
  const cases: Document[] = []
  let rest: Expression = expression
  while (rest.kind === 'conditional' && (rest === expression || !formatting.parenthesized.has(rest))) {
    cases.push(
      sequence([
        'if ',
        formatExpression(rest.condition, formatting),
        ' then ',
        formatExpression(rest.consequent, formatting),
      ]),
    )
    rest = rest.alternate
  }
  const otherwise = sequence([line, 'else ', formatExpression(rest, formatting)])
  return group(indent(sequence([join(cases, sequence([line, 'else '])), otherwise])))
}

/** A pipeline the author wrote over several lines stays so. */
function formatPipeline({ input, stages }: PipelineExpression, formatting: Formatting): Document {
  const { cursor, source } = formatting
  const first = formatExpression(input, formatting)
  const parts: Document[] = []
  let end = input.span.end
  let vertical = false
  for (const stage of stages) {
    const trailing = cursor.takeTrailing(end, stage.span.start)
    if (trailing !== undefined) parts.push(` ${trailing.text}`)
    const leading = cursor.takeBefore(stage.span.start)
    parts.push(trailing === undefined && leading.length === 0 ? line : hardLine)
    for (const { text } of leading) parts.push(text, hardLine)
    if (/[\r\n]/.test(source.slice(end, stage.span.start))) vertical = true
    parts.push('|> ', formatStage(stage, formatting))
    end = stage.span.end
  }
  const spread = vertical ? parts.map((part) => (part === line ? hardLine : part)) : parts
  return group(sequence([first, indent(sequence(spread))]))
}

function formatStage({ name, repeat, target }: PipelineStage, formatting: Formatting): Document {
  return sequence([
    name === undefined ? '' : `${name.text}: `,
    ...(repeat === undefined ? [] : ['repeat(', formatExpression(repeat, formatting), ') ']),
    formatExpression(target, formatting),
  ])
}

export function formatType(type: TypeExpression, formatting: Formatting): Document {
  if (type.kind === 'scalar') return type.name
  if (type.shape.length === 0) return type.dtype
  const items = type.shape.map((item) => formatShapeItem(item, formatting))
  return group(
    sequence([type.dtype, '[', indent(sequence([softLine, join(items, sequence([',', line]))])), softLine, ']']),
  )
}

function formatShapeItem(item: ShapeItem, formatting: Formatting): Document {
  return item.kind === 'ellipsis' ? '...' : formatExpression(item.value, formatting)
}

export function formatRange({ from, to }: Range, formatting: Formatting): Document {
  return sequence([formatExpression(from, formatting), '..', formatExpression(to, formatting)])
}
