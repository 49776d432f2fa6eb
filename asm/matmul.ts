// Matrix products in f32. C = A·B is cut into tiles held in registers (tiles.ts); tiledProduct at the end orders
// them. Every element of C is one sum over ascending k, so its bits do not depend on how many rows there are. Only products of
// one row with columns stored contiguously, and of one column, sum in eight parts (matrix-vector.ts). The tile's shape, block sizes and
// thresholds were measured: bench/kernels/README.md.
import { RELAXED, WIDE } from './build'
import { rowTimesMatrix, vectorTimesRows } from './matrix-vector'
import { isSmall, smallProduct } from './small-product'
import { panelWidth, tileCount, tileHeight, tileRows, tiles, widestPanel } from './tiles'

/** Depth of a block: a packed panel of 12 columns takes 18 KiB, of 16 columns 25, inside a first-level cache of 32. */
export const blockDepth = 392
/** Rows of a block of A, whole tiles of 3, 4 or 6: with blockDepth, 404 KiB, inside a second-level cache of 512. */
export const blockRows = 264
/**
 * Where C has so many elements that it comes from afar, the wide build adds to it more rarely: its tiles take six cycles for a row of a panel, in which the
 * second-level cache brings the next. A transposed A would be packed too few rows at a time.
 */
const farResults = 131072
const farDepth = 1024
const farBlockRows = 96
/** Products this wide repay packing a transposed A whose rows lie so far apart that they meet in few sets of the cache. */
const leastColumnsTransposed = 64
const farTransposed = RELAXED ? 512 : 0
/** Products wider than this repay packing any transposed A. */
const mostColumnsInPlace = 256
/** Rows of A so far apart, each on a page of its own, fall into few sets of the cache; products this wide repay packing them. */
const farRows = 1024
const leastColumns = 256
/**
 * Rows of B so far apart meet in few sets of the cache: what a panel leaves of their cache lines is lost for
 * the next, if not packed with it; so four are.
 */
const farPanels = 256
/** Rows of A that are worth packing in place of columns of B, of which there are at least three times as many. */
const leastTurned = 4

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/**
 * All rows of a block times one panel, `depth` ≥ 1 deep. Where the panel is wider than C, or the last tile has more rows than are left, tiles are
 * computed in `strip` and their valid part copied.
 */
export function panelProduct(
  c: usize, cRow: usize, a: usize, aRow: usize, aStep: usize, b: usize, depth: i32, rows: i32, columns: i32, width: i32, accumulate: bool,
  strip: usize,
): void {
  const stripRow = bytes(width)
  for (let i = 0; i < rows;) {
    const height = tileHeight(rows - i, width)
    const count = tileCount(rows - i, width)
    const present = min(rows - i, count * height)
    const target = c + <usize>i * cRow
    const own = a + <usize>i * aRow
    const tile = <usize>height * aRow
    const last = min(height, present) - 1
    if (columns == width && present == count * height)
      tiles(target, cRow, own, aRow, tile, aStep, b, depth, count, height, width, last, accumulate)
    else {
      if (accumulate) copyBlock(strip, stripRow, target, cRow, present, columns)
      tiles(strip, stripRow, own, aRow, tile, aStep, b, depth, count, height, width, last, accumulate)
      copyBlock(target, cRow, strip, stripRow, present, columns)
    }
    i += present
  }
}

/**
 * Puts rows into `target`, the elements of each side by side: copies of rows far apart, or columns of a transposed matrix. Rows of `target` begin
 * `targetRow` bytes apart.
 */
function packRows(target: usize, targetRow: usize, a: usize, aRow: usize, aStep: usize, rows: i32, depth: i32): void {
  if (aStep == 4) {
    copyBlock(target, targetRow, a, aRow, rows, depth)
    return
  }
  // Four columns become four neighbours of each row.
  let p = 0
  for (; p + 4 <= depth; p += 4, a += 4 * aStep) {
    transpose4(target + bytes(p), targetRow, a, a + aStep, a + 2 * aStep, a + 3 * aStep, rows)
  }
  for (; p < depth; p++, a += aStep) {
    for (let i = 0; i < rows; i++) store<f32>(target + <usize>i * targetRow + bytes(p), load<f32>(a + bytes(i)))
  }
}

/** Words from one packed row to the next: whole cache lines, an odd number of them, so that rows do not meet in few sets of the cache. */
@inline
function packedRow(depth: i32): i32 {
  return (((depth + 15) >> 4) | 1) << 4
}

/** Copies at most three words. */
@inline
function copyRest(target: usize, source: usize, words: i32): void {
  if (words & 2) store<i64>(target, load<i64>(source))
  if (words & 1) store<i32>(target + (<usize>(words & 2) << 2), load<i32>(source + (<usize>(words & 2) << 2)))
}

/** Copies `columns` words of each of `rows` rows. */
export function copyBlock(target: usize, targetRow: usize, source: usize, sourceRow: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++) {
    let at: usize = 0
    let j = columns
    for (; j >= 4; j -= 4, at += 16) v128.store(target + at, v128.load(source + at))
    copyRest(target + at, source + at, j)
    target += targetRow
    source += sourceRow
  }
}

/**
 * Packs `depth` rows of `width` columns of B one after the other. Where B has fewer `columns` the rest is arbitrary: what the tile
 * computes there is thrown away.
 */
export function packPanel(target: usize, b: usize, bRow: i32, bColumn: i32, depth: i32, columns: i32, width: i32): void {
  const rowBytes = bytes(bRow)
  const step = bytes(width)
  if (bColumn == 1 && columns == width) {
    if (WIDE && width == 16) {
      for (let p = 0; p < depth; p++) {
        const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48)
        v128.store(target, b0), v128.store(target, b1, 16), v128.store(target, b2, 32), v128.store(target, b3, 48)
        b += rowBytes
        target += 64
      }
    } else if (width == 12) {
      for (let p = 0; p < depth; p++) {
        v128.store(target, v128.load(b)), v128.store(target, v128.load(b, 16), 16), v128.store(target, v128.load(b, 32), 32)
        b += rowBytes
        target += 48
      }
    } else {
      for (let p = 0; p < depth; p++) {
        const b0 = v128.load(b), b1 = v128.load(b, 16)
        v128.store(target, b0), v128.store(target, b1, 16)
        b += rowBytes
        target += 32
      }
    }
  } else if (bColumn == 1) {
    const vectors = columns & ~3
    for (let p = 0; p < depth; p++) {
      for (let j = 0; j < vectors; j += 4) v128.store(target + bytes(j), v128.load(b + bytes(j)))
      copyRest(target + bytes(vectors), b + bytes(vectors), columns & 3)
      b += rowBytes
      target += step
    }
  } else if (bRow == 1) {
    for (let j = 0; j < width; j += 4) {
      const last = columns - 1
      const b0 = b + bytes(min(j, last) * bColumn)
      const b1 = b + bytes(min(j + 1, last) * bColumn)
      const b2 = b + bytes(min(j + 2, last) * bColumn)
      const b3 = b + bytes(min(j + 3, last) * bColumn)
      transpose4(target + bytes(j), step, b0, b1, b2, b3, depth)
    }
  } else {
    for (let p = 0; p < depth; p++) {
      for (let j = 0; j < width; j++) {
        store<f32>(target + bytes(j), load<f32>(b + bytes(min(j, columns - 1) * bColumn)))
      }
      b += rowBytes
      target += step
    }
  }
}

/** Packs the next panel, or with `fours` four if so many of the widest follow; gives how many columns that is. */
function packNext(target: usize, b: usize, bRow: i32, bColumn: i32, depth: i32, left: i32, fours: bool): i32 {
  if (fours && left > 4 * widestPanel + 4) {
    packFour(target, bytes(widestPanel * depth), b, bytes(bRow), depth)
    return 4 * widestPanel
  }
  const width = panelWidth(left)
  packPanel(target, b, bRow, bColumn, depth, min(width, left), width)
  return width
}

/** Packs four of the widest panels, `apart` bytes from each other, from rows whose elements lie side by side. */
function packFour(target: usize, apart: usize, b: usize, rowBytes: usize, depth: i32): void {
  const wide = bytes(widestPanel)
  for (let p = 0; p < depth; p++) {
    let to = target, from = b
    copyWidest(to, from)
    to += apart, from += wide
    copyWidest(to, from)
    to += apart, from += wide
    copyWidest(to, from)
    to += apart, from += wide
    copyWidest(to, from)
    target += wide
    b += rowBytes
  }
}

@inline
function copyWidest(target: usize, b: usize): void {
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32)
  if (WIDE) {
    const b3 = v128.load(b, 48)
    v128.store(target, b0), v128.store(target, b1, 16), v128.store(target, b2, 32), v128.store(target, b3, 48)
  } else v128.store(target, b0), v128.store(target, b1, 16), v128.store(target, b2, 32)
}

/** Rows p of `target`, `step` bytes apart, become (b0[p], b1[p], b2[p], b3[p]). */
export function transpose4(target: usize, step: usize, b0: usize, b1: usize, b2: usize, b3: usize, depth: i32): void {
  let p = 0
  for (; p + 4 <= depth; p += 4) {
    const v0 = v128.load(b0), v1 = v128.load(b1), v2 = v128.load(b2), v3 = v128.load(b3)
    const low01 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), high01 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7)
    const low23 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), high23 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7)
    v128.store(target, v128.shuffle<i64>(low01, low23, 0, 2))
    target += step
    v128.store(target, v128.shuffle<i64>(low01, low23, 1, 3))
    target += step
    v128.store(target, v128.shuffle<i64>(high01, high23, 0, 2))
    target += step
    v128.store(target, v128.shuffle<i64>(high01, high23, 1, 3))
    target += step
    b0 += 16, b1 += 16, b2 += 16, b3 += 16
  }
  for (; p < depth; p++) {
    store<f32>(target, load<f32>(b0)), store<f32>(target, load<f32>(b1), 4)
    store<f32>(target, load<f32>(b2), 8), store<f32>(target, load<f32>(b3), 12)
    target += step
    b0 += 4, b1 += 4, b2 += 4, b3 += 4
  }
}

/**
 * C = A·B, or C += A·B with `accumulate`. C is m × n with unit column stride and rows `cRow` apart; element (i, p) of the m × k
 * matrix A lies at a + 4·(i·aRow + p·aColumn), element (p, j) of B at b + 4·(p·bRow + j·bColumn). Strides count elements;
 * k = 0 gives zero. `scratch` holds matmulScratchBytes(m, n, k) bytes, 16-byte aligned. Where B stays the same for several products,
 * packPanels may have packed it in `panels` before; the bits are the same.
 */
export function matmul(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32,
  aRow: i32, aColumn: i32, bRow: i32, bColumn: i32, cRow: i32, accumulate: bool, scratch: usize, panels: usize = 0,
): void {
  if (k == 0) {
    if (!accumulate) for (let i = 0; i < m; i++) memory.fill(c + bytes(i * cRow), 0, bytes(n))
  } else if (n == 1 && aColumn == 1 && bRow == 1) {
    vectorTimesRows(c, bytes(cRow), b, a, bytes(aRow), m, k, accumulate)
  } else if (n == 1 && aRow == 1 && cRow == 1) {
    rowTimesMatrix(c, b, bytes(bRow), a, bytes(aColumn), m, k, accumulate)
  } else if (m == 1 && bColumn == 1) {
    rowTimesMatrix(c, a, bytes(aColumn), b, bytes(bRow), n, k, accumulate)
  } else if (m == 1 && bRow == 1 && aColumn == 1) {
    vectorTimesRows(c, 4, a, b, bytes(bColumn), n, k, accumulate)
  } else if (bRow == 1 && m >= leastTurned && 3 * m <= n && !panels) {
    turnedProduct(c, a, b, m, n, k, aRow, aColumn, bColumn, cRow, accumulate, scratch)
  } else if (!panels && isSmall(m, n, bColumn)) {
    smallProduct(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, cRow, accumulate, scratch)
  } else {
    tiledProduct(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, cRow, accumulate, scratch, panels)
  }
}

/** Depth of the blocks a sum of k is cut into: as even as they can be. */
@inline
export function evenDepth(k: i32, deepest: i32 = blockDepth): i32 {
  const blocks = (k + deepest - 1) / deepest
  return ((k + blocks - 1) / blocks + 3) & ~3
}

/** Packs all panels of the k × n matrix B; `panels` holds packedPanelsBytes(n, k) bytes, 16-byte aligned. */
export function packPanels(panels: usize, b: usize, n: i32, k: i32, bRow: i32, bColumn: i32): void {
  const most = evenDepth(k)
  for (let p = 0; p < k; p += most) {
    const depth = min(k - p, most)
    let width = 0
    for (let j = 0; j < n; j += width) {
      width = panelWidth(n - j)
      packPanel(packedPanel(panels, p, j, n, depth), b + bytes(p * bRow + j * bColumn), bRow, bColumn, depth, min(width, n - j), width)
    }
  }
}

/** Where packPanels puts the panel that begins at row p and column j. */
@inline
export function packedPanel(panels: usize, p: i32, j: i32, n: i32, depth: i32): usize {
  const columns = ((n + 3) & ~3) + 8
  return panels + bytes(p * columns + j * depth)
}

/**
 * Blocks of B, `blockDepth` or `farDepth` rows deep, are packed panel by panel, or four at once, each panel meeting all rows of a block of A while it is in the
 * first-level cache. A is read where it lies, unless it is packed as well: rows many bytes apart, as those of a transposed A, would fall into few
 * sets of the cache. Unless `packed` is 0, B is packed there already.
 */
function tiledProduct(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32,
  aRow: i32, aColumn: i32, bRow: i32, bColumn: i32, cRow: i32, accumulate: bool, scratch: usize, packed: usize,
): void {
  const far = WIDE && !packed && aRow != 1 && k > blockDepth && m * n >= farResults
  const most = evenDepth(k, far ? farDepth : blockDepth), mostRows = far ? farBlockRows : blockRows
  const strip = scratch
  const ownRows = strip + bytes(widestPanel * (min(m, mostRows) + tileRows - 1))
  const packsRows = aRow == 1
    ? n > mostColumnsInPlace || (n >= leastColumnsTransposed && aColumn >= farTransposed)
    : aColumn == 1 && aRow >= farRows && n >= leastColumns
  const ownRow = packedRow(most)
  const panels = packsRows ? ownRows + bytes(min(m, mostRows) * ownRow) : ownRows
  const keeps = m > mostRows
  const fours = bColumn == 1 && bRow >= farPanels && n >= farPanels
  for (let p = 0; p < k; p += most) {
    const depth = min(k - p, most)
    for (let i = 0; i < m; i += mostRows) {
      const rows = min(m - i, mostRows)
      let block = a + bytes(i * aRow + p * aColumn)
      let row = bytes(aRow), step = bytes(aColumn)
      if (packsRows) {
        packRows(ownRows, bytes(ownRow), block, row, step, rows, depth)
        block = ownRows, row = bytes(ownRow), step = 4
      }
      let width = 0
      // Columns from `first` to `end` are packed.
      let first = 0, end = i > 0 ? n : 0
      for (let j = 0; j < n; j += width) {
        width = panelWidth(n - j)
        const columns = min(width, n - j)
        if (j >= end && !packed) {
          first = keeps ? 0 : j
          end += packNext(panels + bytes((j - first) * depth), b + bytes(p * bRow + j * bColumn), bRow, bColumn, depth, n - j, fours)
        }
        const own = panels + bytes((j - first) * depth)
        const panel = packed ? packedPanel(packed, p, j, n, depth) : own
        panelProduct(
          c + bytes(i * cRow + j), bytes(cRow), block, row, step, panel, depth, rows, columns, width, accumulate || p > 0, strip,
        )
      }
    }
  }
}

/**
 * The same where a transposed B has three times as many columns as A rows: what a layer does to a small batch. Columns of B are read where they lie, the rows
 * of A are packed, and a panel's results, columns of C, are turned.
 */
function turnedProduct(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32, aRow: i32, aColumn: i32, bColumn: i32, cRow: i32, accumulate: bool, scratch: usize,
): void {
  const strip = scratch
  const results = strip + bytes(widestPanel * tileRows)
  const panels = results + bytes(widestPanel * min(n, blockRows))
  const most = evenDepth(k)
  for (let p = 0; p < k; p += most) {
    const depth = min(k - p, most)
    const adds = accumulate || p > 0
    for (let j = 0; j < n; j += blockRows) {
      const columns = min(n - j, blockRows)
      let width = 0
      for (let i = 0; i < m; i += width) {
        width = panelWidth(m - i)
        const rows = min(width, m - i)
        const panel = n > blockRows ? panels + bytes(i * depth) : panels
        if (j == 0) packPanel(panel, a + bytes(i * aRow + p * aColumn), aColumn, aRow, depth, rows, width)
        const target = c + bytes(i * cRow + j)
        if (adds) packPanel(results, target, 1, cRow, columns, rows, width)
        panelProduct(results, bytes(width), b + bytes(j * bColumn + p), bytes(bColumn), 4, panel, depth, columns, width, width, adds, strip)
        packRows(target, bytes(cRow), results, 4, bytes(width), rows, columns)
      }
    }
  }
}
