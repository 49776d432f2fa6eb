// Convolutions of 3×3 filters with stride 1 by Winograd's minimal filtering: 36 products instead of 144 for a tile of 4×4 results
// (winograd-transforms.ts). Tiles of many images are rows of a matrix at each of the 36 points, filters or channels its columns, so the
// sums over channels (`winograd`) or tiles (`winogradLarge`, the gradient to a filter) are products of panels (matmul.ts). Bits do
// not depend on how images are grouped. Arguments are those of convolution.ts without the axes that are not there: filter
// element k meets position s ± k − low.
import { WIDE } from './build'
import { interleaveRow } from './interleave'
import { blockDepth, blockRows, panelProduct } from './matmul'
import { panelWidth, tileCount, tileHeight, tileRows, tiles as productTiles, widestPanel } from './tiles'
import { evaluateInputs, interpolateColumns } from './wide-winograd'
import {
  evaluateCotangents, evaluateFilter, evaluateInput, interpolateFilter, interpolateFour, interpolateResults, interpolateRows, points, position, reach, tile,
  together, workBytes, writeConstants, writeLargest,
} from './winograd-transforms'

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

@inline
function aligned(pointer: usize): usize {
  return (pointer + 63) & ~63
}

/** Words between points: whole cache lines, an odd number of them, so that all points of a tile fit the first-level cache together. */
@inline
function pointStep(words: i32): i32 {
  return (((words + 15) >> 4) | 1) << 4
}

/** Columns of all panels together. */
function panelColumns(columns: i32): i32 {
  let j = 0
  while (j < columns) j += panelWidth(columns - j)
  return j
}

@inline
function fours(count: i32): i32 {
  return (count + 3) & ~3
}

/** Channels that fill their vectors. */
@inline
function wholePositions(count: i32): i32 {
  return (count + together - 1) & -together
}

/**
 * The filters of all groups at the points, which `winograd` then takes as `prepared`: preparedFiltersBytes at a 64-byte boundary, whose
 * beginning it works in.
 */
export function winogradFilters(
  target: usize, w: usize, groups: i32, filters: i32, channels: i32, wGroup: i32, wFilter: i32, wChannel: i32, f1: i32, f2: i32,
): void {
  writeConstants(target)
  for (let g = 0; g < groups; g++)
    evaluatePanels(
      target + workBytes + <usize>g * allPanelsBytes(filters, channels), w + bytes(g * wGroup), filters, channels, wFilter, wChannel, f1, f2, target,
    )
}

/** The filters of a group at the points, panel after panel. */
function evaluatePanels(
  panels: usize, w: usize, filters: i32, channels: i32, wFilter: i32, wChannel: i32, f1: i32, f2: i32, work: usize,
): void {
  let width = 0
  for (let o = 0; o < filters; o += width, panels += panelBytes(width, channels)) {
    width = panelWidth(filters - o)
    evaluateFilters(panels, width, w + bytes(o * wFilter), filters - o, channels, wFilter, wChannel, f1, f2, work)
  }
}

/**
 * y[n, g, o, s] = Σ over c and k of x[n, g, c, …]·w[g, o, c, k]. `rows` rows of tiles are computed together. `scratch` holds
 * winogradScratchBytes. Unless `prepared` is 0, winogradFilters has left the filters there. `pools`: only the largest of each square of two by two
 * results is written.
 */
export function winograd(
  y: usize, x: usize, w: usize, scratch: usize, batch: i32, groups: i32, filters: i32, channels: i32,
  yBatch: i32, yGroup: i32, yFilter: i32, xBatch: i32, xGroup: i32, xChannel: i32, wGroup: i32, wFilter: i32, wChannel: i32,
  y1: i32, y2: i32, x1: i32, x2: i32, l1: i32, l2: i32, f1: i32, f2: i32, rows: i32, pools: bool = false, prepared: usize = 0,
): void {
  const down = (y1 + tile - 1) / tile, across = (y2 + tile - 1) / tile
  const tiles = rows * across
  const inputWords = wholePositions(channels)
  const inputStep = pointStep(tiles * inputWords)
  const planeDown = down * tile + reach - tile, planeAcross = across * tile + reach - tile
  const planeRow = <usize>planeAcross * position
  const plane = planeRow * <usize>planeDown

  const work = aligned(scratch)
  const space = work + workBytes
  // Filters at the points serve all blocks; for a single one each panel is used at once.
  const once = !prepared && batch * down <= rows
  const inputs = space + (prepared ? 0 : once ? panelBytes(min(widestPanel, panelColumns(filters)), channels) : allPanelsBytes(filters, channels))
  const results = inputs + bytes(points * inputStep)
  const planes = results + bytes(points * resultStep(tiles, widestPanel))
  writeConstants(work)
  memory.fill(planes, 0, <usize>(inputWords / together) * plane)
  // A filter that runs backwards begins two positions earlier.
  if (f1 < 0) l1 += 2
  if (f2 < 0) l2 += 2

  for (let g = 0; g < groups; g++) {
    const filter = w + bytes(g * wGroup)
    const evaluated = prepared ? prepared + workBytes + <usize>g * allPanelsBytes(filters, channels) : space
    if (!once && !prepared) evaluatePanels(evaluated, filter, filters, channels, wFilter, wChannel, f1, f2, work)
    for (let first = 0; first < batch * down; first += rows) {
      const count = min(rows, batch * down - first)
      for (let row = first; row < first + count;) {
        const n = row / down
        const i = row - n * down
        const inside = min(down - i, first + count - row)
        const source = x + bytes(n * xBatch + g * xGroup)
        const target = inputs + bytes((row - first) * across * inputWords)
        for (let c = 0; c < channels; c += 4) {
          spread(
            planes + <usize>(c / together) * plane + bytes(c % together), planeRow, position, planeAcross, source + bytes(c * xChannel), bytes(xChannel),
            min(4, channels - c), x1, x2, l1, l2, i * tile, (i + inside) * tile + reach - tile,
          )
        }
        evaluateTiles(
          target, bytes(inputWords), bytes(inputStep), planes + <usize>(i * tile) * planeRow, plane, planeRow, inside, across, inputWords, work,
        )
        row += inside
      }
      // Panel by panel, so that the products are still in the first-level cache when results are made of them.
      let width = 0
      let panel = evaluated
      for (let o = 0; o < filters; o += width) {
        width = panelWidth(filters - o)
        if (once) evaluateFilters(panel, width, filter + bytes(o * wFilter), filters - o, channels, wFilter, wChannel, f1, f2, work)
        const step = resultStep(count * across, width)
        multiplyPoints(
          results, bytes(step), inputs, bytes(inputStep), bytes(inputWords), panel, bytes(pointStep(width * channels)), count * across, width, channels,
        )
        for (let row = first; row < first + count; row++) {
          const n = row / down
          const i = row - n * down
          const to = y + bytes(n * yBatch + g * yGroup + o * yFilter)
          const own = results + bytes((row - first) * across * width)
          const present = min(width, filters - o), height = min(tile, y1 - i * tile)
          if (pools) writePooledTiles(to + bytes(i * 2 * (y2 >> 1)), yFilter, present, height >> 1, y2 >> 1, own, width, step, work)
          else writeTiles(to + bytes(i * tile * y2), yFilter, present, height, y2, own, width, step, across, work)
        }
        if (!once) panel += panelBytes(width, channels)
      }
    }
  }
}

/** Words between the products of points, which have room for whole tiles of rows. */
@inline
function resultStep(rows: i32, width: i32): i32 {
  return pointStep((rows + tileRows) * width)
}

/**
 * At every point `rows` rows of inputs times a panel of `width` filters, `depth` deep. What follows from the number of rows is worked out once
 * for all points, whose products are small.
 */
function multiplyPoints(
  results: usize, step: usize, inputs: usize, inputStep: usize, inputRow: usize, panel: usize, panelStep: usize, rows: i32, width: i32, depth: i32,
): void {
  for (let p = 0; p < depth; p += blockDepth) {
    const own = min(depth - p, blockDepth)
    for (let i = 0; i < rows;) {
      const height = tileHeight(rows - i, width), count = tileCount(rows - i, width)
      const present = min(rows - i, count * height)
      const last = min(height, present) - 1
      let c = results + bytes(i * width), a = inputs + <usize>i * inputRow + bytes(p), b = panel + bytes(p * width)
      for (let point = 0; point < points; point++, c += step, a += inputStep, b += panelStep) {
        productTiles(c, bytes(width), a, inputRow, <usize>height * inputRow, 4, b, own, count, height, width, last, p > 0)
      }
      i += present
    }
  }
}

/** A row of tiles of `filters` filters. */
function writeTiles(
  y: usize, yFilter: i32, filters: i32, down: i32, length: i32, results: usize, width: i32, step: i32, across: i32, work: usize,
): void {
  for (let j = 0; j < across; j++, results += bytes(width)) {
    const columns = min(tile, length - j * tile)
    for (let o = 0; o < filters; o += together) {
      const to = y + bytes(o * yFilter + j * tile)
      if (WIDE) {
        interpolateColumns(results + bytes(o), bytes(step), work)
        for (let half = 0; half < 8 && half < filters - o; half += 4) {
          interpolateRows(
            to + bytes(half * yFilter), bytes(length), bytes(yFilter), down, columns, min(4, filters - o - half), work + 64 + bytes(half), work,
          )
        }
      } else interpolateResults(to, bytes(length), bytes(yFilter), down, columns, min(4, filters - o), results + bytes(o), bytes(step), work)
    }
  }
}

/** writeTiles for the largest of each square of two by two results, `down` rows of `length`. */
function writePooledTiles(
  y: usize, yFilter: i32, filters: i32, down: i32, length: i32, results: usize, width: i32, step: i32, work: usize,
): void {
  for (let j = 0; j < length; j += 2, results += bytes(width)) {
    for (let o = 0; o < filters; o += together) {
      if (WIDE) interpolateColumns(results + bytes(o), bytes(step), work)
      else interpolateFour(results + bytes(o), bytes(step), work)
      for (let half = 0; half < together && half < filters - o; half += 4) {
        writeLargest(
          y + bytes((o + half) * yFilter + j), bytes(length), bytes(yFilter), down, min(2, length - j), min(4, filters - o - half),
          work + 64 + bytes(half), work,
        )
      }
    }
  }
}

/** C = or += A times the panels of B, `depth` deep and `columns` wide, all whole. */
function multiply(
  c: usize, cRow: usize, a: usize, aRow: usize, aStep: usize, panels: usize, rows: i32, columns: i32, depth: i32, accumulate: bool, strip: usize,
): void {
  for (let i = 0; i < rows; i += blockRows) {
    let width = 0
    for (let j = 0; j < columns; j += width) {
      width = panelWidth(columns - j)
      for (let p = 0; p < depth; p += blockDepth) {
        panelProduct(
          c + <usize>i * cRow + bytes(j), cRow, a + <usize>i * aRow + <usize>p * aStep, aRow, aStep, panels + bytes(j * depth + p * width),
          min(depth - p, blockDepth), min(rows - i, blockRows), width, width, accumulate || p > 0, strip,
        )
      }
    }
  }
}

/** A panel of filters at the points. */
@inline
function panelBytes(width: i32, channels: i32): usize {
  return bytes(points * pointStep(width * channels))
}

function allPanelsBytes(filters: i32, channels: i32): usize {
  let total: usize = 0
  let width = 0
  for (let left = filters; left > 0; left -= width) {
    width = panelWidth(left)
    total += panelBytes(width, channels)
  }
  return total
}

/** Fills a panel with `width` filters; where there are fewer, the last stands in for the others. */
function evaluateFilters(
  panel: usize, width: i32, w: usize, filters: i32, channels: i32, wFilter: i32, wChannel: i32, f1: i32, f2: i32, work: usize,
): void {
  const gathered = work + 64 + 288
  const start = (f1 < 0 ? 6 : 0) + (f2 < 0 ? 2 : 0)
  const step = bytes(pointStep(width * channels))
  for (let o = 0; o < width; o += 4) {
    const last = filters - 1
    const w0 = w + bytes(min(o, last) * wFilter), w1 = w + bytes(min(o + 1, last) * wFilter)
    const w2 = w + bytes(min(o + 2, last) * wFilter), w3 = w + bytes(min(o + 3, last) * wFilter)
    for (let c = 0; c < channels; c++) {
      let to = gathered
      let row = bytes(c * wChannel + start)
      for (let p = 0; p < 3; p++, row += bytes(3 * f1)) {
        let at = row
        for (let q = 0; q < 3; q++, at += bytes(f2), to += 16) {
          let v = v128.load_zero<i32>(w0 + at)
          v = v128.load_lane<i32>(w1 + at, v, 1)
          v = v128.load_lane<i32>(w2 + at, v, 2)
          v128.store(to, v128.load_lane<i32>(w3 + at, v, 3))
        }
      }
      evaluateFilter(panel + bytes(c * width + o), step, gathered, work)
    }
  }
}

/**
 * Four channels of an image side by side, positions `apart` and rows `planeRow` bytes from one to the next, rows `begin` to `end` of the plane; element
 * e of an axis is at e + l. The last channel stands in for those that are missing.
 */
function spread(
  plane: usize, planeRow: usize, apart: usize, across: i32, x: usize, channel: usize, channels: i32, x1: i32, x2: i32, l1: i32, l2: i32, begin: i32, end: i32,
): void {
  const skipped = max(0, -l2)
  const length = min(x2, across - l2) - skipped
  if (length <= 0) return
  const c1 = channels > 1 ? channel : 0, c2 = channels > 2 ? c1 + channel : c1, c3 = channels > 3 ? c2 + channel : c2
  const to = min(x1, end - l1)
  for (let i = max(0, begin - l1); i < to; i++) {
    const from = x + bytes(i * x2 + skipped)
    interleaveRow(plane + <usize>(i + l1) * planeRow + <usize>(skipped + l2) * apart, apart, from, from + c1, from + c2, from + c3, length)
  }
}

/** `down` × `across` tiles of planes of `channels` at the points, tile after tile. */
function evaluateTiles(
  target: usize, tileStep: usize, step: usize, planes: usize, plane: usize, planeRow: usize, down: i32, across: i32, channels: i32, work: usize,
): void {
  for (let i = 0; i < down; i++, planes += planeRow * tile) {
    for (let j = 0; j < across; j++, target += tileStep) {
      let source = planes + <usize>(j * tile) * position
      for (let c = 0; c < channels; c += together, source += plane) {
        if (WIDE) evaluateInputs(target + bytes(c), step, source, planeRow, work)
        else evaluateInput(target + bytes(c), step, source, planeRow, work)
      }
    }
  }
}

/**
 * The same sum where the result is 3×3, x and w larger, and both step by one: y[n, g, o, s] = Σ over c and k of x[n, g, c, s + k −
 * low]·w[g, o, c, k]. `rows` rows of tiles of w are summed together, the sums added in turn.
 */
export function winogradLarge(
  y: usize, x: usize, w: usize, scratch: usize, batch: i32, groups: i32, filters: i32, channels: i32,
  yBatch: i32, yGroup: i32, yFilter: i32, xBatch: i32, xGroup: i32, xChannel: i32, wGroup: i32, wFilter: i32, wChannel: i32,
  w1: i32, w2: i32, x1: i32, x2: i32, l1: i32, l2: i32, rows: i32,
): void {
  const down = (w1 + tile - 1) / tile, across = (w2 + tile - 1) / tile
  const tiles = rows * across
  const inputWords = panelColumns(batch), cotangentWords = fours(filters)
  const inputStep = pointStep(tiles * inputWords), cotangentStep = pointStep(tiles * cotangentWords)
  const sumStep = pointStep(filters * inputWords)
  const inputDown = down * tile + reach - tile, inputAcross = across * tile + reach - tile
  const inputRow = <usize>inputAcross * position, cotangentRow = <usize>(across * tile) << 4
  const inputPlane = inputRow * <usize>inputDown, cotangentPlane = cotangentRow * <usize>(down * tile)

  const work = aligned(scratch)
  const inputs = work + workBytes
  const cotangents = inputs + bytes(points * inputStep)
  const sums = cotangents + bytes(points * cotangentStep)
  const strip = sums + bytes(points * sumStep)
  const inputPlanes = strip + bytes(tileRows * widestPanel)
  const cotangentPlanes = inputPlanes + inputPlane * <usize>(wholePositions(batch) / together)
  writeConstants(work)
  if (channels == 0) memory.fill(sums, 0, bytes(points * sumStep))
  memory.fill(inputPlanes, 0, inputPlane * <usize>(wholePositions(batch) / together) + cotangentPlane * <usize>(cotangentWords >> 2))

  for (let g = 0; g < groups; g++) {
    for (let first = 0; first < channels * down; first += rows) {
      const count = min(rows, channels * down - first)
      for (let row = first; row < first + count;) {
        const c = row / down
        const i = row - c * down
        const own = min(down - i, first + count - row)
        const before = (row - first) * across
        const source = x + bytes(c * xChannel + g * xGroup)
        for (let n = 0; n < batch; n += 4) {
          spread(
            inputPlanes + inputPlane * <usize>(n / together) + bytes(n % together), inputRow, position, inputAcross, source + bytes(n * xBatch), bytes(xBatch),
            min(4, batch - n), x1, x2, l1, l2, i * tile, (i + own) * tile + reach - tile,
          )
        }
        let width = 0
        for (let n = 0; n < batch; n += width) {
          width = panelWidth(inputWords - n)
          evaluateTiles(
            inputs + bytes(n * count * across + before * width), bytes(width), bytes(inputStep),
            inputPlanes + inputPlane * <usize>(n / together) + inputRow * <usize>(i * tile), inputPlane, inputRow, own, across,
            min(width, wholePositions(batch) - n), work,
          )
        }
        const cotangent = w + bytes(c * wChannel + g * wGroup)
        for (let o = 0; o < filters; o += 4) {
          spread(
            cotangentPlanes + cotangentPlane * <usize>(o >> 2), cotangentRow, 16, across * tile, cotangent + bytes(o * wFilter), bytes(wFilter),
            min(4, filters - o), w1, w2, 0, 0, i * tile, (i + own) * tile,
          )
        }
        evaluateCotangentTiles(
          cotangents + bytes(before * cotangentWords), bytes(cotangentWords), bytes(cotangentStep),
          cotangentPlanes + cotangentRow * <usize>(i * tile), cotangentPlane, cotangentRow, own, across, cotangentWords >> 2, work,
        )
        row += own
      }
      for (let point = 0; point < points; point++) {
        multiply(
          sums + bytes(point * sumStep), bytes(inputWords), cotangents + bytes(point * cotangentStep), 4, bytes(cotangentWords),
          inputs + bytes(point * inputStep), filters, inputWords, count * across, first > 0, strip,
        )
      }
    }
    writeGradients(y + bytes(g * yGroup), yBatch, yFilter, batch, filters, sums, bytes(inputWords), bytes(sumStep), work)
  }
}

/** The gradients 3×3 of all filters from their sums at the points. */
function writeGradients(
  y: usize, yBatch: i32, yFilter: i32, batch: i32, filters: i32, sums: usize, sumRow: usize, step: usize, work: usize,
): void {
  const own = work + 352
  for (let o = 0; o < filters; o++, sums += sumRow) {
    for (let n = 0; n < batch; n += 4) {
      interpolateFilter(own, sums + bytes(n), step, work)
      let to = y + bytes(o * yFilter + n * yBatch)
      for (let lane = 0; lane < min(4, batch - n); lane++, to += bytes(yBatch)) {
        for (let k = 0; k < 9; k++) store<f32>(to + bytes(k), load<f32>(own + bytes(4 * k + lane)))
      }
    }
  }
}

/** evaluateTiles for cotangents. */
function evaluateCotangentTiles(
  target: usize, tileStep: usize, step: usize, planes: usize, plane: usize, planeRow: usize, down: i32, across: i32, fours: i32, work: usize,
): void {
  for (let i = 0; i < down; i++, planes += planeRow * tile) {
    for (let j = 0; j < across; j++, target += tileStep) {
      let source = planes + (<usize>(j * tile) << 4)
      for (let c = 0; c < fours; c++, source += plane) evaluateCotangents(target + (<usize>c << 4), step, source, planeRow, work)
    }
  }
}
