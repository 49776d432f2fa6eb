import { simdOf } from '../../runtime/builds.ts'
import type { BuildName } from '../../runtime/manifest.ts'

// The same figures as in asm/matmul.ts and asm/tiles.ts.
export const blockDepth = 392
export const blockRows = 264
const block: Block = { rows: blockRows, depth: blockDepth }
const farBlock: Block = { rows: 96, depth: 1024 }
const farResults = 131072
const leastColumnsToPack = 64
const farPanels = 256

/** The part of A that meets a panel. */
interface Block {
  readonly rows: number
  readonly depth: number
}

/** The part of a product held in registers. */
export interface Tile {
  readonly rows: number
  readonly columns: number
}

/** Of the plain and the relaxed build. */
export const narrowTile: Tile = { rows: 3, columns: 12 }
/** Of the wide build. */
export const wideTile: Tile = { rows: 6, columns: 16 }

/** The tile whose packing space serves all `builds`. */
export function largestTile(builds: readonly BuildName[] = []): Tile {
  return builds.some((build) => simdOf(build) === 'wide') ? wideTile : narrowTile
}

/** Words for a panel's results where they cannot be written to their places. */
export function stripWords(tile: Tile, rows: number): number {
  return tile.columns * (Math.min(rows, blockRows) + tile.rows - 1)
}

/**
 * Bytes of packing space asm/matmul.ts needs for a product of m × k by k × n, at a 16-byte boundary. It grows with each size, so
 * the largest sizes of a run-time dimension cover all smaller ones.
 *
 * @param mayTurn whether the columns of B may have their elements side by side, and are not packed before
 */
export function matmulScratchBytes(m: number, n: number, k: number, tile: Tile, mayTurn = true): number {
  // The wide build's space serves the others too, and sizes at which results are not far.
  const far = tile.columns === wideTile.columns && m * n >= farResults
  const blocks = far ? [block, farBlock] : [block]
  const straight = blocks.map((own) => straightBytes(m, n, k, tile, own))
  const turned = mayTurn ? turnedBytes(Math.min(m, Math.floor(n / 3)), n, Math.min(k, blockDepth), tile) : 0
  return Math.ceil(Math.max(...straight, turned) / 64) * 64
}

/** A panel's results, rows of A, panels of B. */
function straightBytes(m: number, n: number, k: number, tile: Tile, own: Block): number {
  const depth = Math.min(k, own.depth)
  const rows = Math.min(m, own.rows)
  const strip = tile.columns * (rows + tile.rows - 1) * 4
  // Rows of A side by side, each an odd number of cache lines.
  const packed = n >= leastColumnsToPack ? rows * (Math.ceil(depth / 16) | 1) * 64 : 0
  // The widest panel, four where B is wide, or all panels where A is long enough to meet each again.
  const some = n >= farPanels ? 4 * tile.columns : tile.columns
  const columns = m > own.rows ? allColumns(n) : some
  return strip + packed + columns * depth * 4
}

/** Where B has at least three times as many columns as A rows, A's may be packed instead: a tile, a panel's results, panels of A. */
function turnedBytes(m: number, n: number, depth: number, tile: Tile): number {
  const results = tile.columns * (tile.rows + Math.min(n, blockRows))
  return (results + (n > blockRows ? allColumns(m) : tile.columns) * depth) * 4
}

/** Columns of all panels together, at most. */
function allColumns(count: number): number {
  return Math.ceil(count / 4) * 4 + 8
}

/** Bytes asm/matmul.ts packs a matrix of k × n in that stays the same for several products. */
export function packedPanelsBytes(n: number, k: number): number {
  return allColumns(n) * k * 4
}
