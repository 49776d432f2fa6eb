/** Numbers that tell random draws apart. */
import type { Frame } from './session.ts'

/**
 * The site of the next random tensor of this body: a hash of the entry, the instance's path and a count, so that
 * it does not change when unrelated code does. Unique in the program.
 */
export function drawSite(frame: Frame): number {
  const { entry, session } = frame
  const draw = entry.draws.get(frame.site) ?? 0
  entry.draws.set(frame.site, draw + 1)
  let site = hash(`${entry.name}:${frame.site}:${draw}`)
  while (session.sites.has(site)) site = (site + 1) & 0x7fffffff
  session.sites.add(site)
  return site
}

/** FNV-1a, 31 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return (value >>> 0) & 0x7fffffff
}
