/** A small algebra of laid-out text, after Wadler, "A prettier printer" (2003). */

export type Document =
  | string
  | { readonly kind: 'sequence'; readonly parts: readonly Document[]; readonly breaks: boolean }
  | { readonly kind: 'indent'; readonly body: Document; readonly breaks: boolean }
  /**
   * On one line if it fits, else every `line` directly inside breaks. One that is `last` breaks only after groups before it on the
   * line, which count it as unbroken.
   */
  | { readonly kind: 'group'; readonly body: Document; readonly breaks: boolean; readonly last?: true }
  /** A line end, or `flat` where its group is on one line; `hard` always breaks. */
  | { readonly kind: 'line'; readonly flat: string; readonly breaks: boolean }
  /** Nothing on one line, `text` when broken. */
  | { readonly kind: 'whenBroken'; readonly text: string; readonly breaks: false }

function breaksIn(document: Document): boolean {
  return typeof document !== 'string' && document.breaks
}

export function sequence(parts: readonly Document[]): Document {
  return { kind: 'sequence', parts, breaks: parts.some(breaksIn) }
}

export function indent(body: Document): Document {
  return { kind: 'indent', body, breaks: breaksIn(body) }
}

export function group(body: Document): Document {
  return { kind: 'group', body, breaks: breaksIn(body) }
}

export function lastGroup(body: Document): Document {
  return { kind: 'group', body, breaks: breaksIn(body), last: true }
}

export const line: Document = { kind: 'line', flat: ' ', breaks: false }
export const softLine: Document = { kind: 'line', flat: '', breaks: false }
export const hardLine: Document = { kind: 'line', flat: '', breaks: true }

export function join(documents: readonly Document[], separator: Document): Document {
  return sequence(documents.flatMap((document, index) => (index === 0 ? [document] : [separator, document])))
}

interface Item {
  readonly document: Document
  readonly indentation: number
  readonly flat: boolean
}

export function layOut(document: Document, width: number): string {
  const lines: string[] = []
  let text = ''
  let column = 0
  const stack: Item[] = [{ document, indentation: 0, flat: false }]
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { document: current, indentation, flat } = item
    if (typeof current === 'string') {
      text += current
      column += current.length
      continue
    }
    switch (current.kind) {
      case 'sequence':
        pushAll(stack, current.parts, indentation, flat)
        break
      case 'indent':
        stack.push({ document: current.body, indentation: indentation + 2, flat })
        break
      case 'group': {
        const inside = { document: current.body, indentation, flat: true }
        const fits = flat || (!current.breaks && fitsIn(width - column, inside, stack))
        stack.push({ ...inside, flat: fits })
        break
      }
      case 'line':
        if (flat && !current.breaks) {
          text += current.flat
          column += current.flat.length
        } else {
          lines.push(text.trimEnd())
          text = ' '.repeat(indentation)
          column = indentation
        }
        break
      case 'whenBroken':
        if (!flat) {
          text += current.text
          column += current.text.length
        }
        break
    }
  }
  lines.push(text.trimEnd())
  return lines.join('\n')
}

function pushAll(stack: Item[], parts: readonly Document[], indentation: number, flat: boolean): void {
  for (let i = parts.length - 1; i >= 0; i--) stack.push({ document: parts[i]!, indentation, flat })
}

/** Whether an item and what follows it up to the next line end fit in the room left. */
function fitsIn(room: number, item: Item, following: readonly Item[]): boolean {
  const stack: Item[] = [item]
  let next = following.length
  let left = room
  for (;;) {
    const top = stack.pop() ?? following[--next]
    if (top === undefined) return true
    const { document: current, indentation, flat } = top
    if (typeof current === 'string') {
      left -= current.length
      if (left < 0) return false
      continue
    }
    switch (current.kind) {
      case 'sequence':
        pushAll(stack, current.parts, indentation, flat)
        break
      case 'indent':
        stack.push({ document: current.body, indentation, flat })
        break
      case 'group':
        stack.push({ document: current.body, indentation, flat: (flat || current.last === true) && !current.breaks })
        break
      case 'line':
        if (!flat || current.breaks) return true
        left -= current.flat.length
        break
      case 'whenBroken':
        if (!flat) left -= current.text.length
        break
    }
  }
}
