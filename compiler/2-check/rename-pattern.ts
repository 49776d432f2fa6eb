/**
 * The two sides of `map "h.{i}.weight" -> "blocks.{i}.w"`. A name in braces stands for characters within one part of a
 * path, at least one; `*` for any within a part, `**` for any parts. What a placeholder stands for on the right goes
 * where it is on the left; stars belong to those at the same position of the other side.
 */
type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'placeholder'; readonly key: string; readonly least: 0 | 1; readonly acrossParts: boolean }

export interface RenamePattern {
  readonly from: readonly Part[]
  readonly to: readonly Part[]
}

/** Matching takes time and memory in pattern × path. */
const MAXIMUM_LENGTH = 1000

/** The pattern, or what is wrong with one of its sides. */
export function readRenamePattern(
  from: string,
  to: string,
): RenamePattern | { readonly side: 'from' | 'to'; readonly problem: string; readonly hint?: string } {
  const sides = { from: readSide(from), to: readSide(to) }
  for (const side of ['from', 'to'] as const) {
    const parts = sides[side]
    if (typeof parts === 'string') return { side, problem: parts }
  }
  const read = sides as RenamePattern
  const keys = (parts: readonly Part[]): string[] =>
    parts.flatMap((part) => (part.kind === 'placeholder' ? [part.key] : []))
  const bound = keys(read.to)
  const twice = bound.find((key, at) => bound.indexOf(key) < at)
  if (twice !== undefined) return { side: 'to', problem: `\`${shown(twice)}\` stands on the right twice` }
  const used = keys(read.from)
  const free = used.find((key) => !bound.includes(key))
  if (free !== undefined)
    return {
      side: 'from',
      problem: `nothing on the right says what \`${shown(free)}\` stands for`,
      hint: 'the names on the right are those of the model; what a placeholder stands for there goes where it is on the left',
    }
  const idle = bound.find((key) => key.startsWith('*') && !used.includes(key))
  if (idle !== undefined)
    return {
      side: 'to',
      problem: `\`${shown(idle)}\` has no counterpart on the left`,
      hint: 'a placeholder in braces, as `{i}`, may be left out there: one tensor then goes to several parameters',
    }
  return read
}

/** The name on the left for a name on the right; undefined where the right side does not match. */
export function renamed({ from, to }: RenamePattern, path: string): string | undefined {
  const found = capture(to, path)
  return found && from.map((part) => (part.kind === 'text' ? part.text : found.get(part.key)!)).join('')
}

function readSide(text: string): readonly Part[] | string {
  if (text.length > MAXIMUM_LENGTH) return `a pattern has at most ${MAXIMUM_LENGTH} characters`
  const counts: Record<string, number> = {}
  const parts: Part[] = []
  for (const piece of text.match(/\*\*|\*|\{[^{}]*\}|[{}]|[^*{}]+/gu) ?? []) {
    if (piece.startsWith('*')) {
      const count = counts[piece] ?? 0
      counts[piece] = count + 1
      parts.push({ kind: 'placeholder', key: `${piece}${count}`, least: 0, acrossParts: piece === '**' })
    } else if (/^\{[A-Za-z_]\w*\}$/.test(piece))
      parts.push({ kind: 'placeholder', key: piece, least: 1, acrossParts: false })
    else if (/[{}]/.test(piece)) return `\`${piece}\` is no placeholder; one is a name in braces, as in \`{i}\``
    else parts.push({ kind: 'text', text: piece })
  }
  return parts
}

/** `**0` → `**`, `{i}` as it is */
function shown(key: string): string {
  return key.replace(/\d+$/, '')
}

/** What each placeholder stands for, earlier ones for as little as possible. */
function capture(parts: readonly Part[], path: string): ReadonlyMap<string, string> | undefined {
  // fits[part][start]: whether the parts from there on can be the path from there on.
  const fits = [...parts, undefined].map(() => new Uint8Array(path.length + 2))
  fits[parts.length]![path.length] = 1
  for (let at = parts.length - 1; at >= 0; at--) {
    const part = parts[at]!
    const [here, next] = [fits[at]!, fits[at + 1]!]
    for (let start = path.length; start >= 0; start--) {
      if (part.kind === 'text') here[start] = path.startsWith(part.text, start) ? next[start + part.text.length]! : 0
      else {
        const taken = start < path.length && (part.acrossParts || path[start] !== '.')
        here[start] = (part.least === 0 && next[start]) || (taken && (next[start + 1] || here[start + 1])) ? 1 : 0
      }
    }
  }
  if (!fits[0]![0]) return undefined
  const found = new Map<string, string>()
  let start = 0
  for (const [at, part] of parts.entries()) {
    let end = start + (part.kind === 'text' ? part.text.length : part.least)
    if (part.kind === 'placeholder') {
      while (!fits[at + 1]![end]) end++
      found.set(part.key, path.slice(start, end))
    }
    start = end
  }
  return found
}
