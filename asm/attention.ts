// Attention in f32: y = softmax(scale·q·kᵀ + bias)·v, a bias of −10⁹ or less hiding a score, and its gradients, head by head, in blocks of queries whose rows of scores stay in the
// cache. Query i sees the keys before i + reach; scores behind them are neither computed nor read. Operands are read where they lie;
// results are y [b, t, g, r, f], and the gradients [b, t, g, r, e], [b, s, g, e] and [b, s, g, f], where the r query heads of a group share the
// g-th keys and values. `kept` holds the probabilities [b, g, r, t, s], rows a multiple of eight long and as far as the gradient reads them,
// or is 0; the gradient then computes them again.
import { WIDE } from './build'
import { evenDepth, matmul, packedPanel, packPanels, panelProduct } from './matmul'
import { panelWidth, tileRows, widestPanel } from './tiles'
import { choose, exp, laneMask, loadPartial, madd, max4, storePartial, sum4 } from './vector'

/** Words of scores in a block of queries, where that leaves it at least `fewestQueries`. */
const blockWords = 65536
const fewestQueries = 12
const mostQueries = 96
/** Words that are fetched at once at most: queries, keys, values and cotangents of as many stay in the second-level cache. */
const fetchedWords = 32768
/** Rows of a product that share how far its sums run: whole tiles of 3 or 6. */
const groupRows = 12
@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

@inline
function aligned(pointer: usize): usize {
  return (pointer + 63) & ~63
}

/** From one row of kept probabilities to the next, in elements. */
@inline
function rowOf(keys: i32): i32 {
  return (keys + 7) & ~7
}

/** From one row of scores to the next: rows that lie a power of two apart would fall into few sets of the cache. */
@inline
function spacedRow(keys: i32): i32 {
  const row = rowOf(keys)
  return (row & 255) == 0 ? row + 16 : row
}

@inline
function queriesOfBlock(T: i32, S: i32): i32 {
  return min(T, max(fewestQueries, min(mostQueries, blockWords / max(8, spacedRow(S)) / groupRows * groupRows)))
}

/** Where panels packed of a matrix of k × n end. */
@inline
function behindPanels(panels: usize, n: i32, k: i32): usize {
  return aligned(panels + bytes((((n + 3) & ~3) + 8) * k))
}

/** Rows `first` … of c = or += a·panels, as far as they see the keys: both a and c begin with query `first`. */
function scoresOf(
  c: usize, row: i32, a: usize, aRow: i32, aStep: i32, panels: usize, depth: i32, S: i32, first: i32, rows: i32, reach: i32, strip: usize,
): void {
  const most = evenDepth(depth)
  for (let p = 0; p < depth; p += most) {
    const own = min(depth - p, most)
    let width = 0
    for (let j = 0; j < S; j += width) {
      width = panelWidth(S - j)
      let from = max(0, j + 1 - reach - first)
      if (from >= rows) break
      // Multiples of so many rows make whole tiles.
      const wholeRows = WIDE ? 2 : width == 12 ? 3 : 4
      const over = (rows - from) % wholeRows
      if (over > 0) from = max(0, from + over - wholeRows)
      panelProduct(
        c + bytes(from * row + j), bytes(row), a + bytes(from * aRow + p * aStep), bytes(aRow), bytes(aStep), packedPanel(panels, p, j, S, own), own,
        rows - from, min(width, row - j), width, p > 0, strip,
      )
    }
  }
}

/** c = p·B for rows of queries from `first` on, B packed in panels of n columns: sums run over the keys that some row of a group sees. */
function mixOf(
  c: usize, cRow: i32, p: usize, row: i32, panels: usize, n: i32, S: i32, first: i32, rows: i32, reach: i32, strip: usize,
): void {
  if (S == 0) {
    for (let i = 0; i < rows; i++) memory.fill(c + bytes(i * cRow), 0, bytes(n))
    return
  }
  const seen = min(S, first + rows - 1 + reach)
  const most = evenDepth(S)
  for (let k = 0; k < seen; k += most) {
    const packed = min(S - k, most)
    let width = 0
    for (let j = 0; j < n; j += width) {
      width = panelWidth(n - j)
      const panel = packedPanel(panels, k, j, n, packed)
      for (let i = 0; i < rows; i += groupRows) {
        const count = min(groupRows, rows - i)
        const depth = min(min(S, first + i + count - 1 + reach) - k, most)
        if (depth <= 0) continue
        panelProduct(
          c + bytes(i * cRow + j), bytes(cRow), p + bytes(i * row + k), bytes(row), 4, panel, depth, count, min(width, n - j), width, k > 0, strip,
        )
      }
    }
  }
}

/** c = or += pᵀ·B for the keys that some query of a block sees, `rows` rows of B packed in panels of n columns: sums run over the queries that see one. */
function spreadOf(
  c: usize, cRow: i32, p: usize, row: i32, panels: usize, n: i32, keys: i32, first: i32, rows: i32, reach: i32, accumulate: bool, strip: usize,
): void {
  let width = 0
  for (let j = 0; j < n; j += width) {
    width = panelWidth(n - j)
    const panel = packedPanel(panels, 0, j, n, rows)
    for (let s = 0; s < keys; s += groupRows) {
      const from = max(0, s + 1 - reach - first)
      panelProduct(
        c + bytes(s * cRow + j), bytes(cRow), p + bytes(from * row + s), 4, bytes(row), panel + bytes(from * width), rows - from,
        min(groupRows, keys - s), min(width, n - j), width, accumulate, strip,
      )
    }
  }
}

/** Zeros where the bias hides a score, so that it depends on no query and no key. */
function cutHidden(d: usize, bias: usize, count: i32): void {
  const hidden = f32x4.splat(-1e9)
  let j = 0
  for (; j + 4 <= count; j += 4) v128.store(d + bytes(j), v128.and(v128.load(d + bytes(j)), f32x4.gt(v128.load(bias + bytes(j)), hidden)))
  if (j < count) {
    const rest = count - j
    storePartial(d + bytes(j), v128.and(loadPartial(d + bytes(j), rest), f32x4.gt(loadPartial(bias + bytes(j), rest), hidden)), rest)
  }
}

/** Adds a row of the bias to a scaled row of scores. */
function addBias(s: usize, bias: usize, count: i32, scale: f32): void {
  const factor = f32x4.splat(scale)
  let j = 0
  for (; j + 4 <= count; j += 4) v128.store(s + bytes(j), madd(factor, v128.load(s + bytes(j)), v128.load(bias + bytes(j))))
  if (j < count) {
    const rest = count - j
    storePartial(s + bytes(j), madd(factor, loadPartial(s + bytes(j), rest), loadPartial(bias + bytes(j), rest)), rest)
  }
}

/** How far a group of rows or of keys reads the probabilities of query `i`. */
@inline
function readOf(i: i32, S: i32, reach: i32): i32 {
  return rowOf(min(S, i + groupRows - 1 + reach))
}

/**
 * Rows of scores, the first that of query `first`, to probabilities: e^(s − largest) over their sum, zero behind what a query sees as far as groups read them.
 * Unless `kept` is 0 they are also written there: in far memory they would be waited for where they are read at once.
 */
function softmaxRows(
  s: usize, row: i32, kept: usize, keptRow: i32, S: i32, first: i32, rows: i32, reach: i32, scale: f32, bias: usize, biasRow: i32,
): void {
  for (let i = 0; i < rows; i++, s += bytes(row)) {
    const seen = min(S, first + i + reach)
    const end = readOf(first + i, S, reach)
    const toKept = kept ? kept + bytes(i * keptRow) - s : 0
    if (bias) addBias(s, bias + bytes(i * biasRow), seen, scale)
    const factor = f32x4.splat(bias ? 1 : scale)
    const none = f32x4.splat(f32.NEGATIVE_INFINITY)
    const full = seen & ~7
    const mask0 = laneMask(seen - full), mask1 = laneMask(seen - full - 4)
    let m0 = none, m1 = none
    let at = s
    const tail = s + bytes(full)
    for (; at < tail; at += 32) {
      m0 = f32x4.pmax(m0, f32x4.mul(factor, v128.load(at)))
      m1 = f32x4.pmax(m1, f32x4.mul(factor, v128.load(at, 16)))
    }
    if (full < seen) {
      m0 = f32x4.pmax(m0, choose(f32x4.mul(factor, v128.load(at)), none, mask0))
      m1 = f32x4.pmax(m1, choose(f32x4.mul(factor, v128.load(at, 16)), none, mask1))
    }
    const largest = f32x4.splat(max4(f32x4.pmax(m0, m1)))
    let t0 = f32x4.splat(0), t1 = t0
    for (at = s; at < tail; at += 32) {
      const x = exp(f32x4.sub(f32x4.mul(factor, v128.load(at)), largest))
      const y = exp(f32x4.sub(f32x4.mul(factor, v128.load(at, 16)), largest))
      v128.store(at, x), v128.store(at, y, 16)
      t0 = f32x4.add(t0, x)
      t1 = f32x4.add(t1, y)
    }
    if (full < seen) {
      const x = v128.and(exp(f32x4.sub(f32x4.mul(factor, v128.load(at)), largest)), mask0)
      const y = v128.and(exp(f32x4.sub(f32x4.mul(factor, v128.load(at, 16)), largest)), mask1)
      v128.store(at, x), v128.store(at, y, 16)
      t0 = f32x4.add(t0, x)
      t1 = f32x4.add(t1, y)
      at += 32
    }
    const inverse = f32x4.splat(<f32>1 / sum4(f32x4.add(t0, t1)))
    for (let own = s; own < at; own += 32) {
      const x = f32x4.mul(inverse, v128.load(own)), y = f32x4.mul(inverse, v128.load(own, 16))
      v128.store(own, x), v128.store(own, y, 16)
      if (toKept) {
        const far = own + toKept
        v128.store(far, x), v128.store(far, y, 16)
      }
    }
    const stop = s + bytes(end)
    for (; at < stop; at += 32) {
      v128.store(at, f32x4.splat(0)), v128.store(at, f32x4.splat(0), 16)
      if (toKept) {
        const far = at + toKept
        v128.store(far, f32x4.splat(0)), v128.store(far, f32x4.splat(0), 16)
      }
    }
  }
}

/** Rows of the gradient to probabilities to that to scores: scale·p·(d − Σ p·d), zero behind what a query sees as far as groups read them. */
function slopeRows(
  d: usize, p: usize, row: i32, pRow: i32, S: i32, first: i32, rows: i32, reach: i32, scale: f32, bias: usize, biasRow: i32,
): void {
  const factor = f32x4.splat(scale)
  for (let i = 0; i < rows; i++, d += bytes(row), p += bytes(pRow)) {
    const seen = min(S, first + i + reach)
    const end = readOf(first + i, S, reach)
    const full = seen & ~7
    const toP = p - d
    let t0 = f32x4.splat(0), t1 = t0
    let at = d
    const tail = d + bytes(full)
    for (; at < tail; at += 32) {
      t0 = madd(v128.load(at), v128.load(at + toP), t0)
      t1 = madd(v128.load(at, 16), v128.load(at + toP, 16), t1)
    }
    if (full < seen) {
      const x = v128.and(v128.load(at), laneMask(seen - full)), y = v128.and(v128.load(at, 16), laneMask(seen - full - 4))
      v128.store(at, x), v128.store(at, y, 16)
      t0 = madd(x, v128.load(at + toP), t0)
      t1 = madd(y, v128.load(at + toP, 16), t1)
      at += 32
    }
    const total = f32x4.splat(sum4(f32x4.add(t0, t1)))
    for (let own = d; own < at; own += 32) {
      const x = f32x4.mul(f32x4.mul(factor, v128.load(own + toP)), f32x4.sub(v128.load(own), total))
      const y = f32x4.mul(f32x4.mul(factor, v128.load(own + toP, 16)), f32x4.sub(v128.load(own, 16), total))
      v128.store(own, x), v128.store(own, y, 16)
    }
    const stop = d + bytes(end)
    for (; at < stop; at += 32) v128.store(at, f32x4.splat(0)), v128.store(at, f32x4.splat(0), 16)
    if (bias) cutHidden(d, bias + bytes(i * biasRow), seen)
  }
}

/** Reads a word of each cache line: lines asked for right after each other arrive together, those that a computation waits for in between do not. */
function fetch(at: usize, row: usize, rows: i32, length: usize, scratch: usize): void {
  let words = 0
  for (let i = 0; i < rows; i++, at += row) {
    for (let line: usize = 0; line < length; line += 64) words |= load<i32>(at + line)
  }
  store<i32>(scratch, words)
}

/**
 * Fetches the rows of a head, `width` elements each `step` apart. Where `heads` lie side by side, `next` apart, in few enough rows, the first one
 * fetches them all.
 */
function fetchHead(own: usize, row: i32, rows: i32, step: i32, width: i32, head: i32, heads: i32, next: i32, begins: bool, scratch: usize): void {
  const together = next >= width && next < row && rows * row <= fetchedWords
  if (step != 1 || rows * width > fetchedWords || (together && !begins)) return
  fetch(own, bytes(row), rows, bytes(together ? (heads - 1 - head) * next + width : width), scratch)
}

/** How many units the forward pass over so many heads has: blocks of queries. */
export function attentionUnits(heads: i32, T: i32, S: i32): i32 {
  const block = max(1, queriesOfBlock(T, S))
  return heads * ((T + block - 1) / block)
}

/**
 * The units from … to of y, and of the probabilities in `kept` unless that is 0. Strides are elements; `bias` may be 0. `scratch`
 * holds attentionScratchBytes.
 */
export function attention(
  from: i32, to: i32, y: usize, kept: usize, q: usize, k: usize, v: usize, bias: usize, scratch: usize,
  G: i32, R: i32, T: i32, S: i32, E: i32, F: i32, scale: f32, reach: i32,
  qB: i32, qG: i32, qR: i32, qT: i32, qE: i32, kB: i32, kG: i32, kS: i32, kE: i32, vB: i32, vG: i32, vS: i32, vF: i32,
  biasB: i32, biasG: i32, biasR: i32, biasT: i32,
): void {
  const row = spacedRow(S), keptRow = rowOf(S)
  const block = max(1, queriesOfBlock(T, S))
  const blocks = (T + block - 1) / block
  const keyPanels = aligned(scratch), valuePanels = behindPanels(keyPanels, S, E)
  const strip = behindPanels(valuePanels, F, S), own = aligned(strip + bytes(widestPanel * (block + tileRows - 1)))
  const yRow = G * R * F
  // One query alone needs no tiles.
  const alone = T == 1 && kE == 1 && qE == 1 && vF == 1
  let packed = -1
  for (let unit = from; unit < to; unit++) {
    const head = unit / blocks, group = head / R
    const r = head % R, g = group % G, b = group / G
    const first = (unit - head * blocks) * block
    const rows = min(block, T - first)
    const ownK = k + bytes(b * kB + g * kG), ownV = v + bytes(b * vB + g * vG)
    const ownQ = q + bytes(b * qB + g * qG + r * qR + first * qT)
    const ownBias = bias ? bias + bytes(b * biasB + g * biasG + r * biasR + first * biasT) : 0
    const target = y + bytes((b * T + first) * yRow + (g * R + r) * F)
    const ownKept = kept ? kept + bytes((head * T + first) * keptRow) : 0
    if (alone) {
      const seen = min(S, reach)
      matmul(own, ownQ, ownK, 1, seen, E, 1, 1, 1, kS, row, false, 0)
      softmaxRows(own, row, ownKept, keptRow, S, 0, 1, reach, scale, ownBias, 0)
      matmul(target, own, ownV, 1, F, seen, 1, 1, vS, 1, 1, false, 0)
      continue
    }
    if (group != packed) {
      packPanels(keyPanels, ownK, S, E, kE, kS)
      if (S > 0) packPanels(valuePanels, ownV, F, S, vS, vF)
      packed = group
    }
    scoresOf(own, row, ownQ, qT, qE, keyPanels, E, S, first, rows, reach, strip)
    softmaxRows(own, row, ownKept, keptRow, S, first, rows, reach, scale, ownBias, biasT)
    mixOf(target, yRow, own, row, valuePanels, F, S, first, rows, reach, strip)
  }
}

/** The gradients dq, dk and dv, whose rows lie qRow, kRow and vRow apart, for the pairs of b and g from … to, where y's is `slopes`. */
export function attentionGradient(
  from: i32, to: i32, dq: usize, dk: usize, dv: usize, slopes: usize, kept: usize, q: usize, k: usize, v: usize, bias: usize, scratch: usize,
  G: i32, R: i32, T: i32, S: i32, E: i32, F: i32, scale: f32, reach: i32,
  qB: i32, qG: i32, qR: i32, qT: i32, qE: i32, kB: i32, kG: i32, kS: i32, kE: i32, vB: i32, vG: i32, vS: i32, vF: i32,
  biasB: i32, biasG: i32, biasR: i32, biasT: i32, qRow: i32, kRow: i32, vRow: i32,
): void {
  const row = spacedRow(S), pRow = kept ? rowOf(S) : row
  const block = max(1, queriesOfBlock(T, S))
  const valueColumns = aligned(scratch), keyPanels = behindPanels(valueColumns, S, F)
  const slopePanels = behindPanels(keyPanels, E, S), queryPanels = behindPanels(slopePanels, F, block)
  const strip = behindPanels(queryPanels, E, block), d = aligned(strip + bytes(widestPanel * (max(block, groupRows) + tileRows - 1)))
  const again = aligned(d + bytes(block * row)), keyColumns = aligned(again + bytes(block * row))
  const yRow = G * R * F
  for (let unit = from; unit < to; unit++) {
    const g = unit % G, b = unit / G
    const ownK = k + bytes(b * kB + g * kG), ownV = v + bytes(b * vB + g * vG)
    const targetK = dk + bytes(b * S * kRow + g * E), targetV = dv + bytes(b * S * vRow + g * F)
    const begins = g == 0 || unit == from
    fetchHead(ownK, kS, S, kE, E, g, G, kG, begins, scratch)
    fetchHead(ownV, vS, S, vF, F, g, G, vG, begins, scratch)
    if (R == 1) fetchHead(q + bytes(b * qB + g * qG), qT, T, qE, E, g, G, qG, begins, scratch)
    fetchHead(slopes + bytes(b * T * yRow + g * R * F), yRow, T, 1, R * F, g, G, R * F, begins, scratch)
    if (kept) fetch(kept + bytes(unit * R * T * pRow), 0, 1, bytes(R * T * pRow), scratch)
    packPanels(valueColumns, ownV, S, F, vF, vS)
    if (S > 0) packPanels(keyPanels, ownK, E, S, kS, kE)
    if (!kept) packPanels(keyColumns, ownK, S, E, kE, kS)
    // Keys that no query sees.
    for (let j = T == 0 ? 0 : min(S, T - 1 + reach); j < S; j++) {
      memory.fill(targetK + bytes(j * kRow), 0, bytes(E))
      memory.fill(targetV + bytes(j * vRow), 0, bytes(F))
    }
    for (let r = 0; r < R; r++) {
      const head = unit * R + r
      // The last block sees all keys the others see, so that it can begin the sums.
      for (let first = (T - 1) / block * block; first >= 0; first -= block) {
        const rows = min(block, T - first)
        if (rows <= 0) break
        const accumulate = r > 0 || first + rows < T
        const keys = min(S, first + rows - 1 + reach)
        const ownQ = q + bytes(b * qB + g * qG + r * qR + first * qT)
        const slope = slopes + bytes((b * T + first) * yRow + (g * R + r) * F)
        const ownBias = bias ? bias + bytes(b * biasB + g * biasG + r * biasR + first * biasT) : 0
        let p = kept + bytes((head * T + first) * pRow)
        if (!kept) {
          p = again
          scoresOf(p, row, ownQ, qT, qE, keyColumns, E, S, first, rows, reach, strip)
          softmaxRows(p, row, 0, 0, S, first, rows, reach, scale, ownBias, biasT)
        }
        packPanels(slopePanels, slope, F, rows, yRow, 1)
        packPanels(queryPanels, ownQ, E, rows, qT, qE)
        scoresOf(d, row, slope, yRow, 1, valueColumns, F, S, first, rows, reach, strip)
        spreadOf(targetV, vRow, p, pRow, slopePanels, F, keys, first, rows, reach, accumulate, strip)
        slopeRows(d, p, row, pRow, S, first, rows, reach, scale, ownBias, biasT)
        mixOf(dq + bytes((b * T + first) * qRow + (g * R + r) * E), qRow, d, row, keyPanels, E, S, first, rows, reach, strip)
        spreadOf(targetK, kRow, d, row, queryPanels, E, keys, first, rows, reach, accumulate, strip)
      }
    }
  }
}
