/**
 * Whether a dotted path matches a pattern: `*` stands for anything within one part, `**` for any parts.
 * Linear in pattern × path, however many stars.
 */
export function matchesPattern(pattern: string, path: string): boolean {
  // reachable: positions in the path the pattern so far can end at.
  let reachable = new Set([0])
  for (const token of pattern.match(/\*\*|\*|[^*]/gu) ?? []) {
    const next = new Set<number>()
    for (const start of reachable) {
      if (token.startsWith('*')) {
        for (let end = start; end <= path.length && !next.has(end); end++) {
          next.add(end)
          if (token === '*' && path[end] === '.') break
        }
      } else if (path.startsWith(token, start)) next.add(start + token.length)
    }
    reachable = next
  }
  return reachable.has(path.length)
}
