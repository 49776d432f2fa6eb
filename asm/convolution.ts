// Convolutions in f32 as matrix products that are never written out: the channels of one image are spread out once (planes.ts), and
// panels of what the filter meets are packed from there right before their use. `convolve` sums over channels and a small filter and
// has many results; `convolveLarge`, whose filter is as large as its input (the gradient to a filter), sums over positions and
// accumulates over channels, one after the other, so that results do not depend on how images are grouped.
// Arguments: result y, input x, filter w; strides of their leading axes; extents of their three spatial axes, which are dense; then
// for each axis stride, low, input dilation and filter dilation. Result s and filter element k meet at position
// s·stride + k·filterDilation − low, input element e lies at e·inputDilation. A dilation of the input is positive.
import { blockDepth, blockRows, panelProduct } from './matmul'
import { below, copyWords, fillPlanes, packResults, packTaps, span, writeOffsets } from './planes'
import { longestSum, shortestRow, shortSums } from './short-sums'
import { panelWidth, tileRows, widestPanel } from './tiles'

/** Zeros behind the planes, in words, for vectors that reach past the last row. */
const beyond = 16

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

@inline
function aligned(pointer: usize): usize {
  return (pointer + 63) & ~63
}

// Where `prepare` leaves the addresses of the panel, the two tables, the planes and what is behind them.
const PANEL: usize = 0
const OFFSETS: usize = 4
const ROWS: usize = 8
const PLANES: usize = 12
const REST: usize = 16
/** The strip of a panel's product follows. */
const STRIP: usize = 64

/**
 * Lays out the space of one product: tables of where in `count` planes the n0·n1·n2 elements lie that are summed (or, for convolveLarge, the
 * results), t0, t1, t2 apart, and the rows m0·m1 of those they are moved to, u0, u1, u2 apart; and planes of zeros.
 */
function prepare(
  space: usize, filters: i32, depth: i32, count: i32, n0: i32, n1: i32, n2: i32, t0: i32, t1: i32, t2: i32,
  m0: i32, m1: i32, m2: i32, u0: i32, u1: i32, u2: i32,
): void {
  const p1 = span(m1, u1, n1, t1), p2 = span(m2, u2, n2, t2)
  const plane = span(m0, u0, n0, t0) * p1 * p2
  const words = count * plane + beyond + 3 * abs(u2)
  const panel = aligned(space + STRIP + bytes(widestPanel * (min(filters, blockRows) + tileRows - 1)))
  const offsets = aligned(panel + bytes(widestPanel * min(depth, blockDepth)))
  const rows = offsets + bytes(count * n0 * n1 * n2)
  const planes = aligned(rows + bytes(m0 * m1))
  store<usize>(space, panel, PANEL), store<usize>(space, offsets, OFFSETS), store<usize>(space, rows, ROWS)
  store<usize>(space, planes, PLANES), store<usize>(space, aligned(planes + bytes(words)), REST)
  writeOffsets(offsets, count, plane, n0, n1, n2, t0, t1, t2, p1, p2, 0)
  writeOffsets(rows, 1, 0, m0, m1, 1, u0, u1, 1, p1, p2, below(m2, u2))
  memory.fill(planes, 0, bytes(words))
}

/**
 * Rows of the filter times panels packed from the planes: columns are results, `step` apart in rows of `rowLength`, and sums run over what `prepare`
 * has the offsets of; or, where `turned`, the other way round.
 */
function multiply(
  target: usize, targetRow: i32, w: usize, wFilter: i32, filters: i32, depth: i32, width: i32, space: usize, rowLength: i32, step: i32,
  turned: bool, accumulate: bool,
): void {
  const panel = load<usize>(space, PANEL), offsets = load<usize>(space, OFFSETS), rows = load<usize>(space, ROWS)
  const planes = load<usize>(space, PLANES), strip = space + STRIP
  for (let p = 0; p < depth; p += blockDepth) {
    const block = min(depth - p, blockDepth)
    let own = 0
    for (let j = 0; j < width; j += own) {
      own = panelWidth(width - j)
      const columns = min(own, width - j)
      if (turned) packTaps(panel, own, planes, offsets + bytes(j), columns, rows, rowLength, step << 2, p, block)
      else packResults(panel, own, planes, offsets + bytes(p), block, rows, rowLength, step << 2, j, columns)
      for (let i = 0; i < filters; i += blockRows) {
        panelProduct(
          target + bytes(i * targetRow + j), bytes(targetRow), w + bytes(i * wFilter + p), bytes(wFilter), 4, panel, block,
          min(filters - i, blockRows), columns, own, accumulate || p > 0, strip,
        )
      }
    }
  }
}

/**
 * y[n, g, o, s] = Σ over c and k of x[n, g, c, …]·w[g, o, c, k]. `scratch` holds convolutionScratchBytes. `pools`: only the largest of each square of
 * two by two results is written, for what shortSums computes.
 */
export function convolve(
  y: usize, x: usize, w: usize, scratch: usize, batch: i32, groups: i32, filters: i32, channels: i32,
  yBatch: i32, yGroup: i32, yFilter: i32, xBatch: i32, xGroup: i32, xChannel: i32, wGroup: i32, wFilter: i32, wChannel: i32,
  y0: i32, y1: i32, y2: i32, x0: i32, x1: i32, x2: i32, w0: i32, w1: i32, w2: i32, s0: i32, s1: i32, s2: i32,
  l0: i32, l1: i32, l2: i32, i0: i32, i1: i32, i2: i32, f0: i32, f1: i32, f2: i32, pools: bool = false,
): void {
  const empty = channels == 0 || w0 == 0 || w1 == 0 || w2 == 0 || x0 == 0 || x1 == 0 || x2 == 0
  if (addsNothing(y, batch, groups, filters, yBatch, yGroup, yFilter, y0 * y1 * y2, empty)) return
  const phased = (i0 > 1 || i1 > 1 || i2 > 1) && (i0 == 1 || s0 == 1) && (i1 == 1 || s1 == 1) && (i2 == 1 || s2 == 1)
  if (!phased) {
    convolvePhase(
      y, x, w, scratch, batch, groups, filters, channels, yBatch, yGroup, yFilter, xBatch, xGroup, xChannel, wGroup, wFilter, wChannel,
      y0, y1, y2, x0, x1, x2, w0, w1, w2, s0, s1, s2, l0, l1, l2, i0, i1, i2, f0, f1, f2,
      y1 * y2, y2, 1, w1 * w2, w2, 1, pools,
    )
    return
  }
  // Every i-th result meets the same few filter elements, every u-th: a convolution without zeros between the elements of its input.
  // Results that meet none are zero.
  for (let n = 0; n < batch; n++) {
    for (let g = 0; g < groups; g++) {
      for (let o = 0; o < filters; o++) memory.fill(y + bytes(n * yBatch + g * yGroup + o * yFilter), 0, bytes(y0 * y1 * y2))
    }
  }
  const u0 = i0 / common(i0, f0), u1 = i1 / common(i1, f1), u2 = i2 / common(i2, f2)
  for (let r0 = 0; r0 < min(i0, y0); r0++) {
    const k0 = firstTap(r0, f0, l0, i0, w0)
    if (k0 == w0) continue
    for (let r1 = 0; r1 < min(i1, y1); r1++) {
      const k1 = firstTap(r1, f1, l1, i1, w1)
      if (k1 == w1) continue
      for (let r2 = 0; r2 < min(i2, y2); r2++) {
        const k2 = firstTap(r2, f2, l2, i2, w2)
        if (k2 == w2) continue
        convolvePhase(
          y + bytes((r0 * y1 + r1) * y2 + r2), x, w + bytes((k0 * w1 + k1) * w2 + k2), scratch, batch, groups, filters, channels,
          yBatch, yGroup, yFilter, xBatch, xGroup, xChannel, wGroup, wFilter, wChannel,
          (y0 - r0 + i0 - 1) / i0, (y1 - r1 + i1 - 1) / i1, (y2 - r2 + i2 - 1) / i2, x0, x1, x2,
          (w0 - k0 + u0 - 1) / u0, (w1 - k1 + u1 - 1) / u1, (w2 - k2 + u2 - 1) / u2,
          s0, s1, s2, -(r0 * s0 + k0 * f0 - l0) / i0, -(r1 * s1 + k1 * f1 - l1) / i1, -(r2 * s2 + k2 * f2 - l2) / i2,
          1, 1, 1, f0 * u0 / i0, f1 * u1 / i1, f2 * u2 / i2, i0 * y1 * y2, i1 * y2, i2, u0 * w1 * w2, u1 * w2, u2, false,
        )
      }
    }
  }
}

/** True where there is no result, or every one is the sum of nothing, which is then written. */
function addsNothing(
  y: usize, batch: i32, groups: i32, filters: i32, yBatch: i32, yGroup: i32, yFilter: i32, results: i32, empty: bool,
): bool {
  if (results == 0 || batch == 0) return true
  if (!empty) return false
  for (let n = 0; n < batch; n++) {
    for (let g = 0; g < groups; g++) {
      for (let o = 0; o < filters; o++) memory.fill(y + bytes(n * yBatch + g * yGroup + o * yFilter), 0, bytes(results))
    }
  }
  return true
}

/** The greatest common divisor. */
function common(a: i32, b: i32): i32 {
  b = abs(b)
  while (b != 0) {
    const rest = a % b
    a = b
    b = rest
  }
  return a
}

/** The first filter element that meets an element of the input at result r, or their number. */
function firstTap(r: i32, f: i32, low: i32, dilation: i32, taps: i32): i32 {
  let k = 0
  while (k < min(taps, dilation) && (r + k * f - low) % dilation != 0) k++
  return k < min(taps, dilation) ? k : taps
}

/** convolve for results `e0`, `e1`, `e2` apart and filter elements `v0`, `v1`, `v2` apart in their planes. */
function convolvePhase(
  y: usize, x: usize, w: usize, scratch: usize, batch: i32, groups: i32, filters: i32, channels: i32,
  yBatch: i32, yGroup: i32, yFilter: i32, xBatch: i32, xGroup: i32, xChannel: i32, wGroup: i32, wFilter: i32, wChannel: i32,
  y0: i32, y1: i32, y2: i32, x0: i32, x1: i32, x2: i32, w0: i32, w1: i32, w2: i32, s0: i32, s1: i32, s2: i32,
  l0: i32, l1: i32, l2: i32, i0: i32, i1: i32, i2: i32, f0: i32, f1: i32, f2: i32,
  e0: i32, e1: i32, e2: i32, v0: i32, v1: i32, v2: i32, pools: bool,
): void {
  const results = y0 * y1 * y2
  const taps = w0 * w1 * w2
  const depth = channels * taps
  const p0 = span(y0, s0, w0, f0), p1 = span(y1, s1, w1, f1), p2 = span(y2, s2, w2, f2)
  const a0 = -below(y0, s0) - below(w0, f0) - l0
  const a1 = -below(y1, s1) - below(w1, f1) - l1
  const a2 = -below(y2, s2) - below(w2, f2) - l2
  const space = aligned(scratch)
  prepare(space, filters, depth, channels, w0, w1, w2, f0, f1, f2, y0, y1, y2, s0, s1, s2)
  const planes = load<usize>(space, PLANES), repacked = load<usize>(space, REST)
  const gathered = aligned(repacked + bytes(groups * filters * depth))

  // Rows of the filter must be dense, and so must rows of results.
  const denseTaps = v2 == 1 && v1 == w2 && v0 == w1 * w2
  let filter = w
  if (wChannel != taps || !denseTaps) {
    filter = repacked
    for (let g = 0; g < groups; g++) {
      for (let o = 0; o < filters; o++) {
        for (let c = 0; c < channels; c++) {
          const target = repacked + bytes(((g * filters + o) * channels + c) * taps)
          const source = w + bytes(g * wGroup + o * wFilter + c * wChannel)
          if (denseTaps) copyWords(target, source, taps)
          else gatherTaps(target, source, w0, w1, w2, v0, v1, v2)
        }
      }
    }
    wFilter = depth
    wGroup = filters * depth
  }
  const dense = e2 == 1 && e1 == y2 && e0 == y1 * y2
  const short = s2 == 1 && y2 >= shortestRow && depth <= longestSum

  for (let n = 0; n < batch; n++) {
    for (let g = 0; g < groups; g++) {
      fillPlanes(planes, x + bytes(n * xBatch + g * xGroup), channels, xChannel, x0, x1, x2, p0, p1, p2, a0, a1, a2, i0, i1, i2)
      const final = y + bytes(n * yBatch + g * yGroup)
      const target = dense ? final : gathered
      const targetRow = dense ? yFilter : results
      const own = filter + bytes(g * wGroup)
      if (short) {
        shortSums(
          target, targetRow, own, wFilter, filters, depth, planes, load<usize>(space, OFFSETS), load<usize>(space, ROWS), y0 * y1, y2,
          load<usize>(space, PANEL), pools,
        )
      } else multiply(target, targetRow, own, wFilter, filters, depth, results, space, y2, s2, false, false)
      if (!dense) {
        for (let o = 0; o < filters; o++) scatterResults(final + bytes(o * yFilter), gathered + bytes(o * results), y0, y1, y2, e0, e1, e2)
      }
    }
  }
}

/** Copies n0·n1·n2 words that lie `v0`, `v1`, `v2` apart next to each other. */
function gatherTaps(target: usize, source: usize, n0: i32, n1: i32, n2: i32, v0: i32, v1: i32, v2: i32): void {
  for (let i = 0; i < n0; i++) {
    for (let j = 0; j < n1; j++) {
      const row = source + bytes(i * v0 + j * v1)
      for (let k = 0; k < n2; k++, target += 4) store<f32>(target, load<f32>(row + bytes(k * v2)))
    }
  }
}

/** The other way round. */
function scatterResults(target: usize, source: usize, n0: i32, n1: i32, n2: i32, e0: i32, e1: i32, e2: i32): void {
  const step = bytes(e2)
  for (let i = 0; i < n0; i++) {
    for (let j = 0; j < n1; j++) {
      let at = target + bytes(i * e0 + j * e1)
      let k = 0
      for (; k + 4 <= n2; k += 4, source += 16, at += 4 * step) {
        const v = v128.load(source)
        v128.store_lane<i32>(at, v, 0), v128.store_lane<i32>(at + step, v, 1)
        v128.store_lane<i32>(at + 2 * step, v, 2), v128.store_lane<i32>(at + 3 * step, v, 3)
      }
      for (; k < n2; k++, source += 4, at += step) store<f32>(at, load<f32>(source))
    }
  }
}

/** The same sum, for a filter that is larger than the result. */
export function convolveLarge(
  y: usize, x: usize, w: usize, scratch: usize, batch: i32, groups: i32, filters: i32, channels: i32,
  yBatch: i32, yGroup: i32, yFilter: i32, xBatch: i32, xGroup: i32, xChannel: i32, wGroup: i32, wFilter: i32, wChannel: i32,
  y0: i32, y1: i32, y2: i32, x0: i32, x1: i32, x2: i32, w0: i32, w1: i32, w2: i32, s0: i32, s1: i32, s2: i32,
  l0: i32, l1: i32, l2: i32, i0: i32, i1: i32, i2: i32, f0: i32, f1: i32, f2: i32,
): void {
  const results = y0 * y1 * y2
  const depth = w0 * w1 * w2
  const empty = channels == 0 || depth == 0 || x0 == 0 || x1 == 0 || x2 == 0
  if (addsNothing(y, batch, groups, filters, yBatch, yGroup, yFilter, results, empty)) return
  const width = batch * results
  const p0 = span(y0, s0, w0, f0), p1 = span(y1, s1, w1, f1), p2 = span(y2, s2, w2, f2)
  const a0 = -below(y0, s0) - below(w0, f0) - l0
  const a1 = -below(y1, s1) - below(w1, f1) - l1
  const a2 = -below(y2, s2) - below(w2, f2) - l2
  const space = aligned(scratch)
  prepare(space, filters, depth, batch, y0, y1, y2, s0, s1, s2, w0, w1, w2, f0, f1, f2)
  const planes = load<usize>(space, PLANES), gathered = load<usize>(space, REST)

  // Results of one filter are neighbours if images are; otherwise they are put in their places at the end.
  const dense = yBatch == results || batch == 1
  for (let g = 0; g < groups; g++) {
    const target = dense ? y + bytes(g * yGroup) : gathered
    const targetRow = dense ? yFilter : width
    for (let c = 0; c < channels; c++) {
      fillPlanes(planes, x + bytes(c * xChannel + g * xGroup), batch, xBatch, x0, x1, x2, p0, p1, p2, a0, a1, a2, i0, i1, i2)
      const own = w + bytes(g * wGroup + c * wChannel)
      multiply(target, targetRow, own, wFilter, filters, depth, width, space, w2, f2, true, c > 0)
    }
    if (!dense) {
      for (let o = 0; o < filters; o++) {
        for (let n = 0; n < batch; n++) {
          copyWords(y + bytes(g * yGroup + o * yFilter + n * yBatch), gathered + bytes(o * width + n * results), results)
        }
      }
    }
  }
}
