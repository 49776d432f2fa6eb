/** The formatter: one layout for every file, 120 columns wide, comments kept. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type {
  Block,
  CallableDeclaration,
  DataStatement,
  Declaration,
  LetStatement,
  LoadConversion,
  LoadDeclaration,
  Parameter,
  ResultType,
  SourceFile,
  SplitManner,
  Statement,
  TypeExpression,
} from './ast.ts'
import { CommentCursor, printSequence, type SequenceItem } from './comment-cursor.ts'
import { type Document, group, hardLine, indent, join, lastGroup, layOut, line, sequence } from './document.ts'
import {
  type Formatting,
  formatBinders,
  formatExpression,
  formatList,
  formatRange,
  formatType,
} from './format-expression.ts'
import { parseSource } from './parse.ts'

const width = 120

/**
 * The file in standard layout: formatting that again changes nothing, and the syntax tree stays the same. A file with
 * errors comes back as it is, with them. Never throws.
 */
export function format(text: string, file: string): { text: string; diagnostics: Diagnostic[] } {
  const { ast, diagnostics, parenthesized } = parseSource(text, file)
  if (diagnostics.length > 0) return { text, diagnostics }
  const formatting: Formatting = {
    source: text,
    cursor: new CommentCursor(text, ast.comments),
    parenthesized,
    block: (block) => formatBlock(block, formatting),
  }
  const items = ast.declarations.map((declaration) =>
    item(declaration.span, () => formatDeclaration(declaration, formatting)),
  )
  const document = printSequence(items, Number.POSITIVE_INFINITY, formatting.cursor)
  const formatted = layOut(document, width)
  return { text: formatted === '' ? '' : `${formatted}\n`, diagnostics }
}

/** A declaration's head and the variables in its body, each as the formatter prints it, without comments. */
export interface Signature {
  readonly declaration: Exclude<Declaration, { kind: 'import' }>
  readonly text: string
  /** The `param` and `state` statements of its body with the `when` conditions around them. */
  readonly variables: readonly { readonly text: string; readonly conditions: readonly string[] }[]
}

/** The signatures of all that a file declares, in its order, with its tree. Never throws. */
export function formatSignatures(
  text: string,
  file: string,
): { ast: SourceFile; signatures: Signature[]; diagnostics: Diagnostic[] } {
  const { ast, diagnostics, parenthesized } = parseSource(text, file)
  const formatting: Formatting = {
    source: text,
    cursor: new CommentCursor(text, []),
    parenthesized,
    block: (block) => formatBlock(block, formatting),
  }
  const signatures = ast.declarations.flatMap((declaration) => {
    if (declaration.kind === 'import') return []
    const variables = 'body' in declaration ? formatVariables(declaration.body.statements, [], formatting) : []
    return [{ declaration, text: layOut(formatHead(declaration, formatting), width), variables }]
  })
  return { ast, signatures, diagnostics }
}

function formatVariables(
  statements: readonly Statement[],
  conditions: readonly string[],
  formatting: Formatting,
): Signature['variables'] {
  return statements.flatMap((statement): Signature['variables'] => {
    if (statement.kind === 'param' || statement.kind === 'state')
      return [{ text: layOut(formatStatement(statement, formatting), width), conditions }]
    if (statement.kind !== 'when') return []
    const condition = layOut(formatExpression(statement.condition, formatting), width)
    return [
      ...formatVariables(statement.body.statements, [...conditions, condition], formatting),
      ...formatVariables(statement.otherwise?.statements ?? [], [...conditions, `not (${condition})`], formatting),
    ]
  })
}

function item({ start, end }: { start: number; end: number }, print: () => Document): SequenceItem {
  return { start, end, print }
}

function formatDeclaration(declaration: Declaration, formatting: Formatting): Document {
  const expression = (part: Parameters<typeof formatExpression>[0]) => formatExpression(part, formatting)
  switch (declaration.kind) {
    case 'import': {
      const names = declaration.names.map(({ name, alias }) => ({
        start: name.span.start,
        end: (alias ?? name).span.end,
        print: () => (alias === undefined ? name.text : `${name.text} as ${alias.text}`),
      }))
      const list = formatList('{', names, '}', formatting, { pad: true, end: declaration.path.span.start })
      return sequence(['import ', list, ' from ', expression(declaration.path)])
    }
    case 'dim': {
      const range = declaration.range
      return sequence([
        `dim ${declaration.name.text}`,
        ...(range === undefined ? [] : [' in ', formatRange(range, formatting)]),
      ])
    }
    case 'const':
      return sequence([`const ${declaration.name.text} = `, expression(declaration.value)])
    case 'hyper': {
      const { name, value, range, scale } = declaration
      return sequence([
        `hyper ${name.text} = `,
        expression(value),
        ...(range === undefined ? [] : [' in ', formatRange(range, formatting)]),
        scale === 'log' ? ' log' : '',
      ])
    }
    case 'train':
    case 'infer':
      return sequence([formatHead(declaration, formatting), ' ', formatBlock(declaration.body, formatting)])
    case 'data': {
      const statements = declaration.statements.map((statement) =>
        item(statement.span, () => formatDataStatement(statement, formatting)),
      )
      const head = formatHead(declaration, formatting)
      return sequence([head, ' ', braces(statements, declaration.span.end, formatting)])
    }
    case 'load':
      return formatLoad(declaration, formatting)
    default:
      return formatCallable(declaration, formatting)
  }
}

/** What stands before the braces, or all of a declaration without any. */
function formatHead(declaration: Declaration, formatting: Formatting): Document {
  switch (declaration.kind) {
    case 'train': {
      const { name, inputs, data } = declaration
      const head = sequence([`train ${name.text}`, formatParameters(inputs, formatting)])
      return data === undefined ? head : sequence([head, ` on ${data.text}`])
    }
    case 'infer': {
      const { name, inputs, result } = declaration
      return sequence([`infer ${name.text}`, formatParameters(inputs, formatting), formatResult(result, formatting)])
    }
    case 'data':
      return `data ${declaration.name.text}`
    case 'load':
      return sequence([`load ${declaration.name.text} from `, formatExpression(declaration.path, formatting)])
    case 'import':
    case 'dim':
    case 'const':
    case 'hyper':
      return formatDeclaration(declaration, formatting)
    default:
      return formatCallableHead(declaration, formatting)
  }
}

function formatCallable(declaration: CallableDeclaration, formatting: Formatting): Document {
  const { body, gradient } = declaration
  const main = sequence([formatHead(declaration, formatting), ' ', formatBlock(body, formatting)])
  if (gradient === undefined) return main
  return sequence([main, ` gradient (${gradient.cotangent.text}) `, formatBlock(gradient.body, formatting)])
}

function formatCallableHead(declaration: CallableDeclaration, formatting: Formatting): Document {
  const { kind, name, config, inputs, result, where } = declaration
  const lists = [inputs]
  // Of two lists the first is never left out, even if it is empty: `initializer zeros()(p)`.
  if (declaration.config.length > 0 || hasEmptyConfig(declaration, formatting.source)) lists.unshift(config)
  const head: Document[] = [`${kind} ${name.text}`]
  for (const list of lists) head.push(formatParameters(list, formatting))
  head.push(formatResult(result, formatting))
  if (where.length > 0) {
    const conditions = join(
      where.map((condition) => formatExpression(condition, formatting)),
      ', ',
    )
    head.push(indent(sequence([line, 'where ', conditions])))
  }
  return group(sequence(head))
}

/** Comments apart, `name()(`. */
function hasEmptyConfig({ name }: CallableDeclaration, source: string): boolean {
  return /^(?:\s|\/\/[^\r\n]*)*\((?:\s|\/\/[^\r\n]*)*\)(?:\s|\/\/[^\r\n]*)*\(/.test(source.slice(name.span.end))
}

function formatLoad(declaration: LoadDeclaration, formatting: Formatting): Document {
  const { path, rules, span } = declaration
  const string = (literal: typeof path) => formatExpression(literal, formatting)
  const head = formatHead(declaration, formatting)
  const items = rules.map((rule) =>
    item(rule.span, () =>
      rule.kind === 'map'
        ? sequence(['map ', string(rule.from), ' -> ', string(rule.to), formatConversion(rule.conversion, formatting)])
        : sequence([`${rule.kind} `, string(rule.pattern)]),
    ),
  )
  const bare = rules.length === 0 && path.span.end === span.end
  return bare ? head : sequence([head, ' ', braces(items, span.end, formatting)])
}

function formatConversion(conversion: LoadConversion | undefined, formatting: Formatting): Document {
  if (conversion === undefined) return ''
  const order = conversion.kind === 'transpose' ? conversion.order : undefined
  if (order === undefined) return ` ${conversion.kind}`
  const axes = order.map((axis) => formatExpression(axis, formatting))
  return sequence([` ${conversion.kind} [`, join(axes, ', '), ']'])
}

function formatDataStatement(statement: DataStatement, formatting: Formatting): Document {
  switch (statement.kind) {
    case 'source':
      return sequence([`${statement.role} `, formatExpression(statement.call, formatting)])
    case 'field':
      return sequence([`${statement.name.text} = `, formatExpression(statement.value, formatting)])
    case 'split': {
      const { parts, manner, seed } = statement
      const shares = parts.map(({ role, span }) => {
        const share = formatting.source.slice(span.start + role.length, span.end).replace(/\s|\/\/[^\r\n]*/g, '')
        return `${role} ${share}`
      })
      const suffix: Document[] = seed === undefined ? [] : [' seed ', formatExpression(seed, formatting)]
      if (manner) suffix.unshift(formatManner(manner, formatting))
      return sequence([`split ${shares.join(', ')}`, ...suffix])
    }
    case 'where':
      return sequence(['where ', formatExpression(statement.condition, formatting)])
    case 'drop': {
      const { what, columns } = statement
      const names = columns.map((column) => formatExpression(column, formatting))
      return sequence([`drop ${what}`, ...(names.length === 0 ? [] : [' in ', join(names, ', ')])])
    }
  }
}

function formatManner(manner: SplitManner, formatting: Formatting): Document {
  if (manner.kind === 'stratified') return sequence([' stratified by ', formatExpression(manner.by, formatting)])
  const group = manner.by ? [' by ', formatExpression(manner.by, formatting)] : []
  if (manner.kind === 'grouped') return sequence(group)
  return sequence([...group, ' in order', ...(manner.of ? [' of ', formatExpression(manner.of, formatting)] : [])])
}

function formatParameters(parameters: readonly Parameter[], formatting: Formatting): Document {
  const items = parameters.map(({ name, type, value, span }) => ({
    start: span.start,
    end: span.end,
    print: () =>
      sequence([
        name.text,
        formatAnnotation(type, formatting),
        ...(value === undefined ? [] : [' = ', formatExpression(value, formatting)]),
      ]),
  }))
  return formatList('(', items, ')', formatting)
}

function formatAnnotation(type: TypeExpression | undefined, formatting: Formatting): Document {
  return type === undefined ? '' : sequence([': ', formatType(type, formatting)])
}

function formatResult(result: ResultType | undefined, formatting: Formatting): Document {
  if (result === undefined) return ''
  if (result.kind === 'single') return sequence([' -> ', lastGroup(formatType(result.type, formatting))])
  const items = result.items.map(({ name, type }) => ({
    start: (name ?? type).span.start,
    end: type.span.end,
    print: () => sequence([name === undefined ? '' : `${name.text}: `, formatType(type, formatting)]),
  }))
  return sequence([' -> ', lastGroup(formatList('(', items, ')', formatting, { end: result.span.end - 1 }))])
}

function formatBlock(block: Block, formatting: Formatting): Document {
  return braces(statementItems(block.statements, formatting), block.span.end, formatting)
}

function braces(items: readonly SequenceItem[], end: number, { cursor }: Formatting): Document {
  const body = printSequence(items, end - 1, cursor)
  const empty = typeof body !== 'string' && body.kind === 'sequence' && body.parts.length === 0
  return empty ? '{}' : sequence(['{', indent(sequence([hardLine, body])), hardLine, '}'])
}

/** Settings the author wrote on one line stay there, two spaces apart. */
function statementItems(statements: readonly Statement[], formatting: Formatting): SequenceItem[] {
  const items: SequenceItem[] = []
  for (let i = 0; i < statements.length; i++) {
    const first = statements[i]!
    const row = [first]
    for (let next = statements[i + 1]; next !== undefined; next = statements[i + 1]) {
      const last = row[row.length - 1]!
      const between = formatting.source.slice(last.span.end, next.span.start)
      if (last.kind !== 'setting' || next.kind !== 'setting' || /[\r\n]/.test(between)) break
      row.push(next)
      i++
    }
    const span = { start: first.span.start, end: row[row.length - 1]!.span.end }
    items.push(
      item(span, () =>
        join(
          row.map((statement) => formatStatement(statement, formatting)),
          '  ',
        ),
      ),
    )
  }
  return items
}

function formatStatement(statement: Statement, formatting: Formatting): Document {
  const expression = (part: Parameters<typeof formatExpression>[0]) => formatExpression(part, formatting)
  switch (statement.kind) {
    case 'let':
      return sequence([
        `let ${formatPattern(statement.pattern)}`,
        formatAnnotation(statement.type, formatting),
        ' = ',
        expression(statement.value),
      ])
    case 'param':
      return sequence([
        `param ${statement.name.text}`,
        formatAnnotation(statement.type, formatting),
        ...(statement.initializer === undefined ? [] : [' = ', expression(statement.initializer)]),
      ])
    case 'state':
      return sequence([
        `state ${statement.name.text}`,
        formatAnnotation(statement.type, formatting),
        ' = ',
        expression(statement.initializer),
      ])
    case 'use':
    case 'update':
    case 'metric':
    case 'total':
      return sequence([`${statement.kind} ${statement.name.text} = `, expression(statement.value)])
    case 'return':
    case 'loss':
      return sequence([`${statement.kind} `, expression(statement.value)])
    case 'when': {
      const { condition, body, otherwise } = statement
      const head = sequence(['when ', expression(condition), ' ', formatBlock(body, formatting)])
      if (otherwise === undefined) return head
      const [first] = otherwise.statements
      const chained = first?.span.start === otherwise.span.start
      return sequence([
        head,
        ' else ',
        chained ? formatStatement(first, formatting) : formatBlock(otherwise, formatting),
      ])
    }
    case 'yield': {
      const { value, carry } = statement
      const parts: Document[] = ['yield']
      if (value !== undefined) parts.push(' ', expression(value))
      if (carry.length > 0) parts.push(' carry ', join(carry.map(expression), ', '))
      return sequence(parts)
    }
    case 'optimizer':
    case 'penalty': {
      const { kind, call, pattern } = statement
      return sequence([`${kind} `, expression(call), ...(pattern === undefined ? [] : [' for ', expression(pattern)])])
    }
    case 'clip':
    case 'collect':
    case 'average':
      return sequence([`${statement.kind} `, expression(statement.call)])
    case 'trait':
      return `${statement.trait} ${statement.value.text}`
    case 'setting':
      return sequence([`${statement.setting} `, expression(statement.value), statement.streams ? ' in streams' : ''])
    case 'stop': {
      const { metric, epochs } = statement
      const unit = epochs.kind === 'number' && epochs.value === 1 ? 'epoch' : 'epochs'
      return sequence(['stop when ', expression(metric), ' has not improved for ', expression(epochs), ` ${unit}`])
    }
    case 'freeze': {
      const { pattern, except } = statement
      return sequence([
        'freeze ',
        expression(pattern),
        ...(except === undefined ? [] : [' except ', expression(except)]),
      ])
    }
  }
}

function formatPattern(pattern: LetStatement['pattern']): string {
  if (pattern.kind === 'name') return pattern.name.text
  if (pattern.kind === 'tuple') return `(${pattern.names.map((name) => name.text).join(', ')})`
  return `${pattern.name.text}${formatBinders(pattern.indices)}`
}
