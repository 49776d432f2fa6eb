// Matrix products in f32. C = A·B is cut into tiles held in registers (tiles.ts); tiledProduct at the end orders
// them. Every element of C is one sum over ascending k, so its bits do not depend on how many rows there are. Only products of
// one row with columns stored contiguously, and of one column, sum in eight parts (matrix-vector.ts). The tile's shape, block sizes and
// thresholds were measured: bench/kernels/README.md.
import { WIDE } from './build'
import { rowTimesMatrix, vectorTimesRows } from './matrix-vector'
import { isSmall, smallProduct } from './small-product'
import { panelWidth, tileCount, tileHeight, tileRows, tiles, widestPanel } from './tiles'

/** Depth of a block: a packed panel of 12 columns takes 18 KiB, of 16 columns 25, inside a first-level cache of 32. */
export const blockDepth = 392
/** Rows of a block of A, whole tiles of 3, 4 or 6: with blockDepth, 404 KiB, inside a second-level cache of 512. */
export const blockRows = 264
/** Products this wide repay packing a transposed A. */
const leastColumnsTransposed = 64
/** Rows of A so far apart, each on a page of its own, fall into few sets of the cache; products this wide repay packing them. */
const farRows = 1024
const leastColumns = 256

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/**
 * All rows of a block times one panel; `packed` where packRows has put them side by side. Where the panel is wider than C, or the last tile has
 * more rows than are left, tiles are computed in `strip` and their valid part copied.
 */
export function panelProduct(
  c: usize, cRow: usize, a: usize, aRow: usize, aStep: usize, b: usize, depth: i32, rows: i32, columns: i32, width: i32, accumulate: bool,
  strip: usize, packed: bool = false,
): void {
  const stripRow = bytes(width)
  for (let i = 0; i < rows;) {
    const height = tileHeight(rows - i)
    const count = tileCount(rows - i)
    const present = min(rows - i, count * height)
    const target = c + <usize>i * cRow
    const own = packed ? a + bytes(i * depth) : a + <usize>i * aRow
    const row = packed ? 4 : aRow
    const tile = packed ? bytes(height * depth) : <usize>height * aRow
    const step = packed ? bytes(height) : aStep
    const last = min(height, present) - 1
    if (columns == width && present == count * height)
      tiles(target, cRow, own, row, tile, step, b, depth, count, height, width, last, accumulate)
    else {
      if (accumulate) copyBlock(strip, stripRow, target, cRow, present, columns)
      tiles(strip, stripRow, own, row, tile, step, b, depth, count, height, width, last, accumulate)
      copyBlock(target, cRow, strip, stripRow, present, columns)
    }
    i += present
  }
}

/**
 * Puts the rows of each tile side by side, `depth` deep; rows are `aRow` bytes apart and step by `aStep`. Rows that a tile lacks repeat the last.
 * Up to two words behind the last tile are written.
 */
function packRows(target: usize, a: usize, aRow: usize, aStep: usize, depth: i32, rows: i32): void {
  for (let i = 0; i < rows;) {
    const height = tileHeight(rows - i)
    const last = min(height, rows - i) - 1
    const r1 = a + <usize>min(1, last) * aRow, r2 = a + <usize>min(2, last) * aRow, r3 = a + <usize>min(3, last) * aRow
    const r4 = a + <usize>min(4, last) * aRow, r5 = a + <usize>min(5, last) * aRow
    const step = bytes(height)
    if (aStep == 4) {
      // Vectors reach into the next step, or tile, which is written later.
      if (height == 6) transpose4(target + 16, step, r4, r5, r5, r5, depth)
      transpose4(target, step, a, r1, r2, height == 3 ? r2 : r3, depth)
    } else if (aRow == 4 && last + 1 == height) copyColumns(target, a, aStep, depth, height)
    else {
      let at: usize = 0
      let to = target
      for (let p = 0; p < depth; p++, at += aStep, to += step) {
        store<f32>(to, load<f32>(a + at)), store<f32>(to, load<f32>(r1 + at), 4), store<f32>(to, load<f32>(r2 + at), 8)
        if (height > 3) store<f32>(to, load<f32>(r3 + at), 12)
        if (height > 4) store<f32>(to, load<f32>(r4 + at), 16), store<f32>(to, load<f32>(r5 + at), 20)
      }
    }
    target += bytes(height * depth)
    a += <usize>height * aRow
    i += height
  }
}

/** Three, four or six words of each column. */
function copyColumns(target: usize, a: usize, aStep: usize, depth: i32, height: i32): void {
  if (height == 3) {
    for (let p = 0; p < depth; p++, a += aStep, target += 12) store<i64>(target, load<i64>(a)), store<f32>(target, load<f32>(a, 8), 8)
  } else if (height == 4) {
    for (let p = 0; p < depth; p++, a += aStep, target += 16) v128.store(target, v128.load(a))
  } else {
    for (let p = 0; p < depth; p++, a += aStep, target += 24) v128.store(target, v128.load(a)), store<i64>(target, load<i64>(a, 16), 16)
  }
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
  } else if (!panels && isSmall(m, n, bColumn)) {
    smallProduct(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, cRow, accumulate, scratch)
  } else {
    tiledProduct(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, cRow, accumulate, scratch, panels)
  }
}

/** Packs all panels of the k × n matrix B; `panels` holds packedPanelsBytes(n, k) bytes, 16-byte aligned. */
export function packPanels(panels: usize, b: usize, n: i32, k: i32, bRow: i32, bColumn: i32): void {
  for (let p = 0; p < k; p += blockDepth) {
    const depth = min(k - p, blockDepth)
    let width = 0
    for (let j = 0; j < n; j += width) {
      width = panelWidth(n - j)
      packPanel(packedPanel(panels, p, j, n, depth), b + bytes(p * bRow + j * bColumn), bRow, bColumn, depth, min(width, n - j), width)
    }
  }
}

/** Where packPanels puts the panel that begins at row p and column j. */
@inline
function packedPanel(panels: usize, p: i32, j: i32, n: i32, depth: i32): usize {
  const columns = ((n + 3) & ~3) + 8
  return panels + bytes(p * columns + j * depth)
}

/**
 * Blocks of B, `blockDepth` rows deep, are packed panel by panel, each panel meeting all rows of a block of A while it is in the
 * first-level cache. A is read where it lies, unless it is packed as well: rows many bytes apart, as those of a transposed A, would fall into few
 * sets of the cache. Unless `packed` is 0, B is packed there already.
 */
function tiledProduct(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32,
  aRow: i32, aColumn: i32, bRow: i32, bColumn: i32, cRow: i32, accumulate: bool, scratch: usize, packed: usize,
): void {
  const strip = scratch
  const ownRows = strip + bytes(widestPanel * (min(m, blockRows) + tileRows - 1))
  const packsRows = aRow == 1 ? n >= leastColumnsTransposed : aRow >= farRows && n >= leastColumns
  const panels = packsRows ? (ownRows + bytes(min(k, blockDepth) * (min(m, blockRows) + 3) + 2) + 63) & ~63 : ownRows
  for (let p = 0; p < k; p += blockDepth) {
    const depth = min(k - p, blockDepth)
    for (let i = 0; i < m; i += blockRows) {
      const rows = min(m - i, blockRows)
      let block = a + bytes(i * aRow + p * aColumn)
      if (packsRows) {
        packRows(ownRows, block, bytes(aRow), bytes(aColumn), depth, rows)
        block = ownRows
      }
      let width = 0
      for (let j = 0; j < n; j += width) {
        width = panelWidth(n - j)
        const columns = min(width, n - j)
        const own = m > blockRows ? panels + bytes(j * depth) : panels
        const panel = packed ? packedPanel(packed, p, j, n, depth) : own
        if (i == 0 && !packed) packPanel(panel, b + bytes(p * bRow + j * bColumn), bRow, bColumn, depth, columns, width)
        panelProduct(
          c + bytes(i * cRow + j), bytes(cRow), block, bytes(aRow), bytes(aColumn), panel, depth, rows, columns, width,
          accumulate || p > 0, strip, packsRows,
        )
      }
    }
  }
}
