// Winograd's transforms (winograd-transforms.ts) for the wide build: eight channels or filters side by side, so that V8's revectoriser joins what the two
// vectors of a position have in common. It joins loads only where nothing is stored between them.
import { madd, nmadd } from './vector'

/** evaluateInput for eight channels, whose positions are 32 bytes apart. */
export function evaluateInputs(target: usize, step: usize, source: usize, row: usize, work: usize): void {
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const both = v128.load_splat<f32>(work, 16), sum = v128.load_splat<f32>(work, 20)
  const between = work + 64
  for (let at = between; at < between + 1152; at += 192) {
    const d0 = v128.load(source), d0h = v128.load(source, 16), d5 = v128.load(source, 160), d5h = v128.load(source, 176)
    const d1 = v128.load(source, 32), d1h = v128.load(source, 48), d3 = v128.load(source, 96), d3h = v128.load(source, 112)
    const d2 = v128.load(source, 64), d2h = v128.load(source, 80), d4 = v128.load(source, 128), d4h = v128.load(source, 144)
    v128.store(at, madd(both, d0, nmadd(sum, d2, d4))), v128.store(at, madd(both, d0h, nmadd(sum, d2h, d4h)), 16)
    const oddA = f32x4.mul(a, nmadd(b2, d1, d3)), oddAh = f32x4.mul(a, nmadd(b2, d1h, d3h)), evenA = nmadd(b2, d2, d4), evenAh = nmadd(b2, d2h, d4h)
    v128.store(at, f32x4.add(evenA, oddA), 32), v128.store(at, f32x4.add(evenAh, oddAh), 48)
    v128.store(at, f32x4.sub(evenA, oddA), 64), v128.store(at, f32x4.sub(evenAh, oddAh), 80)
    const oddB = f32x4.mul(b, nmadd(a2, d1, d3)), oddBh = f32x4.mul(b, nmadd(a2, d1h, d3h)), evenB = nmadd(a2, d2, d4), evenBh = nmadd(a2, d2h, d4h)
    v128.store(at, f32x4.add(evenB, oddB), 96), v128.store(at, f32x4.add(evenBh, oddBh), 112)
    v128.store(at, f32x4.sub(evenB, oddB), 128), v128.store(at, f32x4.sub(evenBh, oddBh), 144)
    v128.store(at, madd(both, d1, nmadd(sum, d3, d5)), 160), v128.store(at, madd(both, d1h, nmadd(sum, d3h, d5h)), 176)
    source += row
  }
  const rows = step * 6
  for (let at = between; at < between + 192; at += 32) {
    const d0 = v128.load(at), d0h = v128.load(at, 16), d5 = v128.load(at, 960), d5h = v128.load(at, 976)
    const d1 = v128.load(at, 192), d1h = v128.load(at, 208), d3 = v128.load(at, 576), d3h = v128.load(at, 592)
    const d2 = v128.load(at, 384), d2h = v128.load(at, 400), d4 = v128.load(at, 768), d4h = v128.load(at, 784)
    let to = target
    v128.store(to, madd(both, d0, nmadd(sum, d2, d4))), v128.store(to, madd(both, d0h, nmadd(sum, d2h, d4h)), 16)
    const oddA = f32x4.mul(a, nmadd(b2, d1, d3)), oddAh = f32x4.mul(a, nmadd(b2, d1h, d3h)), evenA = nmadd(b2, d2, d4), evenAh = nmadd(b2, d2h, d4h)
    to += rows
    v128.store(to, f32x4.add(evenA, oddA)), v128.store(to, f32x4.add(evenAh, oddAh), 16)
    to += rows
    v128.store(to, f32x4.sub(evenA, oddA)), v128.store(to, f32x4.sub(evenAh, oddAh), 16)
    const oddB = f32x4.mul(b, nmadd(a2, d1, d3)), oddBh = f32x4.mul(b, nmadd(a2, d1h, d3h)), evenB = nmadd(a2, d2, d4), evenBh = nmadd(a2, d2h, d4h)
    to += rows
    v128.store(to, f32x4.add(evenB, oddB)), v128.store(to, f32x4.add(evenBh, oddBh), 16)
    to += rows
    v128.store(to, f32x4.sub(evenB, oddB)), v128.store(to, f32x4.sub(evenBh, oddBh), 16)
    to += rows
    v128.store(to, madd(both, d1, nmadd(sum, d3, d5))), v128.store(to, madd(both, d1h, nmadd(sum, d3h, d5h)), 16)
    target += step
  }
}

/** The first half of interpolateResults for eight filters: columns, into the work space. */
export function interpolateColumns(source: usize, step: usize, work: usize): void {
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const a3 = v128.load_splat<f32>(work, 24), b3 = v128.load_splat<f32>(work, 28)
  const between = work + 64
  const next = step * 6
  for (let at = between; at < between + 192; at += 32) {
    const p0 = v128.load(source), p0h = v128.load(source, 16)
    let from = source + next
    const p1 = v128.load(from), p1h = v128.load(from, 16)
    from += next
    const p2 = v128.load(from), p2h = v128.load(from, 16)
    from += next
    const evenA = f32x4.add(p1, p2), evenAh = f32x4.add(p1h, p2h), oddA = f32x4.sub(p1, p2), oddAh = f32x4.sub(p1h, p2h)
    const p3 = v128.load(from), p3h = v128.load(from, 16)
    from += next
    const p4 = v128.load(from), p4h = v128.load(from, 16)
    from += next
    const evenB = f32x4.add(p3, p4), evenBh = f32x4.add(p3h, p4h), oddB = f32x4.sub(p3, p4), oddBh = f32x4.sub(p3h, p4h)
    const p5 = v128.load(from), p5h = v128.load(from, 16)
    v128.store(at, f32x4.add(p0, f32x4.add(evenA, evenB))), v128.store(at, f32x4.add(p0h, f32x4.add(evenAh, evenBh)), 16)
    v128.store(at, madd(a, oddA, f32x4.mul(b, oddB)), 192), v128.store(at, madd(a, oddAh, f32x4.mul(b, oddBh)), 208)
    v128.store(at, madd(a2, evenA, f32x4.mul(b2, evenB)), 384), v128.store(at, madd(a2, evenAh, f32x4.mul(b2, evenBh)), 400)
    v128.store(at, madd(a3, oddA, madd(b3, oddB, p5)), 576), v128.store(at, madd(a3, oddAh, madd(b3, oddBh, p5h)), 592)
    source += step
  }
}
