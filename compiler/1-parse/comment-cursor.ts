/** Hands out a file's comments in source order while the formatter walks the tree in source order. */
import type { Comment } from './ast.ts'
import { type Document, hardLine, sequence } from './document.ts'

export interface PlacedComment {
  readonly start: number
  readonly end: number
  /** With its slashes. */
  readonly text: string
}

export class CommentCursor {
  private readonly comments: readonly Comment[]
  private readonly source: string
  private position = 0

  constructor(source: string, comments: readonly Comment[]) {
    this.source = source
    this.comments = comments
  }

  /** The comments that begin before an offset and have not been taken yet. */
  takeBefore(offset: number): PlacedComment[] {
    const taken: PlacedComment[] = []
    for (let next = this.comments[this.position]; next !== undefined; next = this.comments[this.position]) {
      if (next.span.start >= offset) break
      taken.push(this.placed(next))
      this.position++
    }
    return taken
  }

  /** The comment on the line where something ends, unless something else comes before it. */
  takeTrailing(end: number, limit = Number.POSITIVE_INFINITY): PlacedComment | undefined {
    const next = this.comments[this.position]
    if (next === undefined || next.span.start < end || next.span.start >= limit) return undefined
    if (/[\r\n]/.test(this.source.slice(end, next.span.start))) return undefined
    this.position++
    return this.placed(next)
  }

  /** Whether the source leaves a line blank between two offsets. */
  blankBetween(end: number, start: number): boolean {
    return (this.source.slice(end, start).match(/\r\n|\r|\n/g)?.length ?? 0) > 1
  }

  private placed({ span }: Comment): PlacedComment {
    return { start: span.start, end: span.end, text: this.source.slice(span.start, span.end).trimEnd() }
  }
}

/** Something that stands on lines of its own: a declaration or a statement. */
export interface SequenceItem {
  readonly start: number
  readonly end: number
  print(): Document
}

/**
 * Items below one another with their comments and at most one blank line between them. A comment inside an item that
 * found no place there follows it.
 *
 * @param end where the block ends; comments up to there are its last lines
 */
export function printSequence(items: readonly SequenceItem[], end: number, cursor: CommentCursor): Document {
  const parts: Document[] = []
  let previousEnd: number | undefined
  const add = (document: Document, start: number, itemEnd: number) => {
    if (previousEnd !== undefined) parts.push(hardLine)
    if (previousEnd !== undefined && cursor.blankBetween(previousEnd, start)) parts.push(hardLine)
    parts.push(document)
    previousEnd = itemEnd
  }
  for (const item of items) {
    for (const comment of cursor.takeBefore(item.start)) add(comment.text, comment.start, comment.end)
    const document = item.print()
    const displaced = cursor.takeBefore(item.end).map(undocumented)
    const trailing = cursor.takeTrailing(item.end)
    if (trailing !== undefined) displaced.push(displaced.length === 0 ? trailing : undocumented(trailing))
    const [first, ...others] = displaced
    add(first === undefined ? document : sequence([document, ` ${first.text}`]), item.start, item.end)
    for (const comment of others) parts.push(hardLine, comment.text)
    previousEnd = Math.max(item.end, displaced.at(-1)?.end ?? 0)
  }
  for (const comment of cursor.takeBefore(end)) add(comment.text, comment.start, comment.end)
  return sequence(parts)
}

/** A comment that moves must not become the documentation of what follows. */
function undocumented(comment: PlacedComment): PlacedComment {
  return { ...comment, text: comment.text.replace(/^\/\/\/(?!\/)/, '//') }
}
