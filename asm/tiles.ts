// Tiles of C = or += A·B held in registers, and panels of B as wide as they are: three rows of 12 columns or four of 8, and in the wide build six or
// four of 16 or 8. Every element is one sum over ascending k whatever the tile, so the wide build has the bits of the relaxed one. Shapes were measured:
// bench/kernels/README.md.
import { RELAXED, WIDE } from './build'
import { tiles3by12 as plain3by12, tiles4by8 as plain4by8 } from './plain-tiles'
import { tiles3by12, tiles4by8 } from './relaxed-tiles'
import { tiles4by16, tiles4by8 as wide4by8, tiles6by16, tiles6by8 } from './wide-tiles'

/** The most rows of a tile of the widest panel; tiles of narrower ones have no more elements. */
export const tileRows = WIDE ? 6 : 3
/** The most columns of a panel. */
export const widestPanel = WIDE ? 16 : 12

/**
 * Columns of the next panel: panels of 12 and, so that any multiple of four from 8 on divides exactly, up to two of 8. In the wide build panels
 * of 16, and one of 8 where no more is left.
 */
@inline
export function panelWidth(remaining: i32): i32 {
  if (WIDE) return remaining > 8 ? 16 : 8
  return remaining > 16 || (remaining > 8 && remaining <= 12) ? 12 : 8
}

/**
 * Rows of the next tile where `remaining` are left in a panel of `width`: three or four, and in the wide build six or, where that leaves fewer
 * empty, four. Tiles of six come first.
 */
@inline
export function tileHeight(remaining: i32, width: i32): i32 {
  if (!WIDE) return width == 12 ? 3 : 4
  return remaining < 5 || remaining == 7 || remaining == 8 ? 4 : 6
}

/** How many tiles of the next one's height follow each other, the last of them perhaps not whole if it is the only one. */
@inline
export function tileCount(remaining: i32, width: i32): i32 {
  const height = tileHeight(remaining, width)
  const whole = remaining / height
  const over = remaining - whole * height
  // One or two rows more than tiles of six: the last six join them as tiles of four.
  return max(1, height == 6 && (over == 1 || over == 2) ? whole - 1 : whole)
}

/**
 * `count` tiles of `height` rows, one below the other. Rows of A are `aRow` apart, its tiles `aTile`, and all step by `aStep`; rows after
 * `last` are that one again. Strides are bytes.
 */
export function tiles(
  c: usize, cRow: usize, a: usize, aRow: usize, aTile: usize, aStep: usize, b: usize, depth: i32, count: i32, height: i32, width: i32,
  last: i32, accumulate: bool,
): void {
  if (!RELAXED) {
    if (width == 12) plain3by12(c, cRow, a, aRow, aTile, aStep, b, depth, count, last, accumulate)
    else plain4by8(c, cRow, a, aRow, aTile, aStep, b, depth, count, last, accumulate)
  } else if (!WIDE) {
    if (width == 12) tiles3by12(c, cRow, a, aRow, aTile, aStep, b, depth, count, last, accumulate)
    else tiles4by8(c, cRow, a, aRow, aTile, aStep, b, depth, count, last, accumulate)
  } else if (height == 6) {
    if (width == 16) tiles6by16(c, cRow, a, aRow, aTile, aStep, b, depth, count, last, accumulate)
    else tiles6by8(c, cRow, a, aRow, aTile, aStep, b, depth, count, last, accumulate)
  } else if (width == 16) tiles4by16(c, cRow, a, aRow, aTile, aStep, b, depth, count, last, accumulate)
  else wide4by8(c, cRow, a, aRow, aTile, aStep, b, depth, count, last, accumulate)
}
