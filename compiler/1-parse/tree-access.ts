/**
 * Reading the parser's concrete tree. Under recovery any child may be absent: asking for one that must be there
 * throws `Damaged`, which the nearest statement or declaration catches by dropping itself.
 */
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Name } from './ast.ts'
import type { CstElement, CstNode, IToken } from './toolkit.ts'

export class Damaged extends Error {}

export function isNode(element: CstElement): element is CstNode {
  return 'children' in element
}

export function nodes(parent: CstNode, label: string): CstNode[] {
  return (parent.children[label] ?? []).filter(isNode)
}

export function tokens(parent: CstNode, label: string): IToken[] {
  return (parent.children[label] ?? []).filter((element): element is IToken => !isNode(element))
}

export function optionalNode(parent: CstNode, label: string): CstNode | undefined {
  return nodes(parent, label)[0]
}

export function optionalToken(parent: CstNode, label: string): IToken | undefined {
  return tokens(parent, label)[0]
}

export function node(parent: CstNode, label: string): CstNode {
  return required(optionalNode(parent, label))
}

export function token(parent: CstNode, label: string): IToken {
  return required(optionalToken(parent, label))
}

export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Damaged('incomplete syntax')
  return value
}

export function endOf(part: IToken): number {
  return part.startOffset + part.image.length
}

export function tokenSpan(file: string, part: IToken): Span {
  return { file, start: part.startOffset, end: endOf(part) }
}

export function nameOf(file: string, part: IToken): Name {
  return { text: part.image, span: tokenSpan(file, part) }
}

export function firstToken(tree: CstNode): IToken | undefined {
  return outermost(tree, 0, (a, b) => a.startOffset < b.startOffset)
}

export function lastToken(tree: CstNode): IToken | undefined {
  return outermost(tree, -1, (a, b) => a.startOffset > b.startOffset)
}

/** Elements of one label are in source order, so the first or the last of each suffices. */
function outermost(tree: CstNode, end: 0 | -1, precedes: (a: IToken, b: IToken) => boolean): IToken | undefined {
  let best: IToken | undefined
  for (const elements of Object.values(tree.children)) {
    const element = elements?.at(end)
    if (element === undefined) continue
    const candidate = isNode(element) ? outermost(element, end, precedes) : element
    if (candidate !== undefined && (best === undefined || precedes(candidate, best))) best = candidate
  }
  return best
}

/** From the first to the last token below a node. */
export function nodeSpan(file: string, tree: CstNode): Span {
  const { startOffset, endOffset } = required(tree.location)
  if (endOffset === undefined || Number.isNaN(endOffset)) throw new Damaged('nothing there')
  return { file, start: startOffset, end: endOffset + 1 }
}
