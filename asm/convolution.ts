// Convolutions in f32 as matrix products that are never written out: the channels of one image are spread out once (planes.ts), and
// panels of what the filter meets are packed from there right before their use. `convolve` sums over channels and a small filter and
// has many results; `convolveLarge`, whose filter is as large as its input (the gradient to a filter), sums over positions and
// accumulates over channels, one after the other, so that results do not depend on how images are grouped.
// Arguments: result y, input x, filter w; strides of their leading axes; extents of their three spatial axes, which are dense; then
// for each axis stride, low, input dilation and filter dilation. Result s and filter element k meet at position
// s·stride + k·filterDilation − low, input element e lies at e·inputDilation. A dilation of the input is positive.
import { depthwise, depthwiseLarge } from './depthwise'
import { blockDepth, blockRows, panelProduct, panelWidth, tileRows } from './matmul'
import { below, copyWords, fillPlanes, packResults, packTaps, span, writeOffsets } from './planes'

/** Zeros behind the planes, in words, for vectors that reach past the last row. */
const beyond = 16

// @ts-ignore: decorator
@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

// @ts-ignore: decorator
@inline
function aligned(pointer: usize): usize {
  return (pointer + 63) & ~63
}

/** y[n, g, o, s] = Σ over c and k of x[n, g, c, …]·w[g, o, c, k]. `scratch` holds convolutionScratchBytes. */
export function convolve(
  y: usize, x: usize, w: usize, scratch: usize, batch: i32, groups: i32, filters: i32, channels: i32,
  yBatch: i32, yGroup: i32, yFilter: i32, xBatch: i32, xGroup: i32, xChannel: i32, wGroup: i32, wFilter: i32, wChannel: i32,
  y0: i32, y1: i32, y2: i32, x0: i32, x1: i32, x2: i32, w0: i32, w1: i32, w2: i32, s0: i32, s1: i32, s2: i32,
  l0: i32, l1: i32, l2: i32, i0: i32, i1: i32, i2: i32, f0: i32, f1: i32, f2: i32,
): void {
  const results = y0 * y1 * y2
  const taps = w0 * w1 * w2
  const depth = channels * taps
  const p0 = span(y0, s0, w0, f0), p1 = span(y1, s1, w1, f1), p2 = span(y2, s2, w2, f2)
  const a0 = -below(y0, s0) - below(w0, f0) - l0
  const a1 = -below(y1, s1) - below(w1, f1) - l1
  const a2 = -below(y2, s2) - below(w2, f2) - l2
  const plane = p0 * p1 * p2

  const strip = aligned(scratch)
  const panel = aligned(strip + bytes(12 * (min(filters, blockRows) + tileRows - 1)))
  const offsets = aligned(panel + bytes(12 * min(depth, blockDepth)))
  const rows = offsets + bytes(depth)
  const planes = aligned(rows + bytes(y0 * y1))
  const repacked = aligned(planes + bytes(channels * plane + beyond + 3 * abs(s2)))
  writeOffsets(offsets, channels, plane, w0, w1, w2, f0, f1, f2, p1, p2, 0)
  writeOffsets(rows, 1, 0, y0, y1, 1, s0, s1, 1, p1, p2, below(y2, s2))
  memory.fill(planes, 0, bytes(channels * plane + beyond + 3 * abs(s2)))

  // Rows of the filter must be dense.
  let filter = w
  if (wChannel != taps) {
    filter = repacked
    for (let g = 0; g < groups; g++) {
      for (let o = 0; o < filters; o++) {
        for (let c = 0; c < channels; c++) {
          copyWords(
            repacked + bytes(((g * filters + o) * channels + c) * taps), w + bytes(g * wGroup + o * wFilter + c * wChannel), taps,
          )
        }
      }
    }
    wFilter = depth
    wGroup = filters * depth
  }

  for (let n = 0; n < batch; n++) {
    for (let g = 0; g < groups; g++) {
      fillPlanes(planes, x + bytes(n * xBatch + g * xGroup), channels, xChannel, x0, x1, x2, p0, p1, p2, a0, a1, a2, i0, i1, i2)
      const target = y + bytes(n * yBatch + g * yGroup)
      const own = filter + bytes(g * wGroup)
      if (filters == 1 && channels == 1) {
        depthwise(target, planes, own, offsets, taps, rows, y0 * y1, y2, s2 << 2)
        continue
      }
      for (let p = 0; p < depth; p += blockDepth) {
        const block = min(depth - p, blockDepth)
        let width = 0
        for (let j = 0; j < results; j += width) {
          width = panelWidth(results - j)
          const columns = min(width, results - j)
          packResults(panel, width, planes, offsets + bytes(p), block, rows, y2, s2 << 2, j, columns)
          for (let i = 0; i < filters; i += blockRows) {
            panelProduct(
              target + bytes(i * yFilter + j), bytes(yFilter), own + bytes(i * wFilter + p), bytes(wFilter), 4, panel, block,
              min(filters - i, blockRows), columns, width, p > 0, strip,
            )
          }
        }
      }
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
  const width = batch * results
  const p0 = span(y0, s0, w0, f0), p1 = span(y1, s1, w1, f1), p2 = span(y2, s2, w2, f2)
  const a0 = -below(y0, s0) - below(w0, f0) - l0
  const a1 = -below(y1, s1) - below(w1, f1) - l1
  const a2 = -below(y2, s2) - below(w2, f2) - l2
  const plane = p0 * p1 * p2

  const strip = aligned(scratch)
  const panel = aligned(strip + bytes(12 * (min(filters, blockRows) + tileRows - 1)))
  const offsets = aligned(panel + bytes(12 * min(depth, blockDepth)))
  const rows = offsets + bytes(width)
  const planes = aligned(rows + bytes(w0 * w1))
  const gathered = aligned(planes + bytes(batch * plane + beyond + 3 * abs(f2)))
  writeOffsets(offsets, batch, plane, y0, y1, y2, s0, s1, s2, p1, p2, 0)
  writeOffsets(rows, 1, 0, w0, w1, 1, f0, f1, 1, p1, p2, below(w2, f2))
  memory.fill(planes, 0, bytes(batch * plane + beyond + 3 * abs(f2)))

  // Results of one filter are neighbours if images are; otherwise they are put in their places at the end.
  const dense = yBatch == results || batch == 1
  for (let g = 0; g < groups; g++) {
    const target = dense ? y + bytes(g * yGroup) : gathered
    const targetRow = dense ? yFilter : width
    for (let c = 0; c < channels; c++) {
      fillPlanes(planes, x + bytes(c * xChannel + g * xGroup), batch, xBatch, x0, x1, x2, p0, p1, p2, a0, a1, a2, i0, i1, i2)
      const own = w + bytes(g * wGroup + c * wChannel)
      if (filters == 1 && batch == 1) {
        depthwiseLarge(target, planes, own, offsets, results, rows, w0 * w1, w2, f2 << 2, c > 0)
        continue
      }
      for (let p = 0; p < depth; p += blockDepth) {
        const block = min(depth - p, blockDepth)
        let step = 0
        for (let j = 0; j < width; j += step) {
          step = panelWidth(width - j)
          const columns = min(step, width - j)
          packTaps(panel, step, planes, offsets + bytes(j), columns, rows, w2, f2 << 2, p, block)
          for (let i = 0; i < filters; i += blockRows) {
            panelProduct(
              target + bytes(i * targetRow + j), bytes(targetRow), own + bytes(i * wFilter + p), bytes(wFilter), 4, panel, block,
              min(filters - i, blockRows), columns, step, c > 0 || p > 0, strip,
            )
          }
        }
      }
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
