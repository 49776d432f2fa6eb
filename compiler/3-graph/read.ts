import type { Span } from '../diagnostics/diagnostic.ts'
import { add, type Dim, floorDivide, isConstant, multiply, subtract, symbol } from '../dimensions/dimension.ts'
import type { Operation, OpName } from '../ops/op.ts'
import { opDefinitions } from '../ops/registry.ts'
import type { DType, EntryKind, RuntimeDim, TensorType } from '../types.ts'
import type { Graph, GraphNode } from './graph.ts'

/** A printed graph that is not one; the message names the line. */
export class GraphSyntaxError extends Error {}

/** Reads what `printGraph` wrote. Throws a {@link GraphSyntaxError}. Types are taken as written: verify tells. */
export function readGraph(text: string): Graph {
  const lines = text.split('\n').map((line, index) => ({ line, number: index + 1 }))
  return readBlock(
    lines.filter(({ line }) => line.trim() !== ''),
    0,
  )
}

/** Reads the lines of one graph, indented by `indent` blanks; a deeper block is the body of the node before it. */
function readBlock(lines: readonly { readonly line: string; readonly number: number }[], indent: number): Graph {
  const dims: RuntimeDim[] = []
  const nodes: GraphNode[] = []
  const outputs: { name: string; node: number }[] = []
  const updates: { variable: string; node: number }[] = []
  const limits: { input: string; limit: Dim }[] = []
  let heading: { name: string; kind: EntryKind } | undefined
  for (let at = 0; at < lines.length; at++) {
    const { line, number } = lines[at]!
    const cursor = new Cursor(line, number)
    if (cursor.peek() === '%') {
      let end = at + 1
      while (end < lines.length && indentOf(lines[end]!.line) > indent) end++
      const body = end > at + 1 ? readBlock(lines.slice(at + 1, end), indentOf(lines[at + 1]!.line)) : undefined
      nodes.push(readNode(cursor, body))
      at = end - 1
    } else {
      const keyword = cursor.word()
      if (keyword === 'graph') heading = { name: cursor.text(), kind: cursor.word() as EntryKind }
      else if (keyword === 'dim') dims.push(readRange(cursor))
      else if (keyword === 'output') outputs.push({ name: cursor.text(), node: readTarget(cursor) })
      else if (keyword === 'update') updates.push({ variable: cursor.text(), node: readTarget(cursor) })
      else if (keyword === 'limit') limits.push({ input: cursor.text(), limit: cursor.expect('<').dim() })
      else cursor.fail('a graph, dim, output, update or limit line, or a node')
    }
    cursor.end()
  }
  if (heading === undefined) throw new GraphSyntaxError('the text has no line that begins with graph')
  return { ...heading, dims, nodes, outputs, updates, ...(limits.length > 0 && { limits }) }
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

function readRange(cursor: Cursor): RuntimeDim {
  const name = cursor.word()
  if (cursor.word() !== 'in') cursor.fail('`in`')
  const minimum = cursor.number()
  return { name, minimum, maximum: cursor.expect('..').number() }
}

function readTarget(cursor: Cursor): number {
  return cursor.expect('=').expect('%').number()
}

function readNode(cursor: Cursor, body: Graph | undefined): GraphNode {
  const id = cursor.expect('%').number()
  const type = cursor.expect(':').type()
  const op = cursor.expect('=').word()
  if (!Object.hasOwn(opDefinitions, op)) cursor.fail('the name of an op')
  const inputs = cursor.list('(', ')', () => cursor.expect('%').number())
  const attributes: Record<string, unknown> = {}
  if (cursor.peek() === '{') {
    cursor.list('{', '}', () => {
      const name = cursor.word()
      attributes[name] = cursor.expect(':').attribute()
    })
  }
  if (body) attributes.body = body
  const operation = { op: op as OpName, attributes } as Operation
  const span = cursor.peek() === '@' ? readSpan(cursor.expect('@')) : undefined
  return { id, inputs, type, ...operation, ...(span && { span }) }
}

function readSpan(cursor: Cursor): Span {
  return { file: cursor.text(), start: cursor.number(), end: cursor.number() }
}

const wordPattern = /[A-Za-z_][A-Za-z0-9_]*/y
const numberPattern = /-?(?:inf\b|nan\b|\d+(?:\.\d+)?(?:e[+-]?\d+)?)/y
const textPattern = /"(?:[^"\\]|\\.)*"/y

/** A position in one line. Each reading method skips blanks first and fails at what it does not expect. */
class Cursor {
  private readonly line: string
  private readonly lineNumber: number
  private at = 0

  constructor(line: string, lineNumber: number) {
    this.line = line
    this.lineNumber = lineNumber
  }

  fail(expected: string): never {
    const found = this.line.slice(this.at, this.at + 20)
    throw new GraphSyntaxError(`line ${this.lineNumber}: expected ${expected}, not \`${found}\``)
  }

  peek(): string {
    while (this.line[this.at] === ' ') this.at++
    return this.line[this.at] ?? ''
  }

  end(): void {
    if (this.peek() !== '') this.fail('the end of the line')
  }

  expect(symbols: string): this {
    this.peek()
    if (!this.line.startsWith(symbols, this.at)) this.fail(`\`${symbols}\``)
    this.at += symbols.length
    return this
  }

  word(): string {
    return this.match(wordPattern) ?? this.fail('a word')
  }

  text(): string {
    return JSON.parse(this.match(textPattern) ?? this.fail('quoted text')) as string
  }

  number(): number {
    const text = this.match(numberPattern) ?? this.fail('a number')
    if (text.endsWith('inf')) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    return text === 'nan' ? Number.NaN : Number(text)
  }

  list<T>(open: string, close: string, element: () => T): T[] {
    const elements: T[] = []
    this.expect(open)
    while (this.peek() !== close) {
      if (elements.length > 0) this.expect(',')
      elements.push(element())
    }
    this.expect(close)
    return elements
  }

  type(): TensorType {
    const dtype = this.word()
    if (dtype !== 'f32' && dtype !== 'i32' && dtype !== 'bool') this.fail('a dtype before this')
    const shape = this.peek() === '[' ? this.list('[', ']', () => this.dim()) : []
    return { dtype, shape }
  }

  attribute(): unknown {
    if (this.peek() === '[') return this.list('[', ']', () => this.attribute())
    if (this.peek() === '"') return this.text()
    const start = this.at
    const word = this.match(wordPattern)
    if (word === 'true' || word === 'false') return word === 'true'
    if (word === 'f32' || word === 'i32' || word === 'bool') {
      if (this.peek() !== '[' && this.line.slice(0, start).trimEnd().endsWith('dtype:')) return word as DType
      this.at = start
      return this.type()
    }
    this.at = start
    // A number with a fraction, an exponent or no finite value is no dimension; nor is −0.
    const number = this.match(numberPattern)
    const next = this.peek()
    if (number !== undefined && (next === ',' || next === ']' || next === '}')) {
      this.at = start
      return this.number()
    }
    this.at = start
    return this.dim()
  }

  /** sum := product (("+" | "-") product)* */
  dim(): Dim {
    let total = this.peek() === '-' ? multiply(-1, this.expect('-').factors()) : this.factors()
    for (;;) {
      if (this.peek() === '+') total = add(total, this.expect('+').factors())
      else if (this.peek() === '-') total = subtract(total, this.expect('-').factors())
      else return total
    }
  }

  /** product := atom (("*" | "/") atom)*, where `/` rounds down */
  private factors(): Dim {
    let result = this.atom()
    for (;;) {
      if (this.peek() === '*') result = multiply(result, this.expect('*').atom())
      else if (this.peek() === '/') result = floorDivide(result, this.expect('/').atom())
      else return result
    }
  }

  private atom(): Dim {
    if (this.peek() === '(') {
      const inner = this.expect('(').dim()
      this.expect(')')
      return inner
    }
    const name = this.match(wordPattern)
    if (name !== undefined) return symbol(name)
    const size = this.number()
    return isConstant(size) && Number.isSafeInteger(size) ? size : this.fail('a whole number before this')
  }

  private match(pattern: RegExp): string | undefined {
    this.peek()
    pattern.lastIndex = this.at
    const found = pattern.exec(this.line)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }
}
