// The same figures as in asm/matmul.ts; of a tile's sizes those of the wide build, since one layout of memory serves all builds.
export const blockDepth = 392
export const blockRows = 264
export const tileRows = 4
export const widestPanel = 16
const gatherColumns = 64

/**
 * Bytes of packing space asm/matmul.ts needs for a product of m × k by k × n, at a 16-byte boundary. It grows with each size, so
 * the largest sizes of a run-time dimension cover all smaller ones.
 */
export function matmulScratchBytes(m: number, n: number, k: number): number {
  const depth = Math.min(k, blockDepth)
  const rows = Math.min(m, blockRows)
  const strip = widestPanel * (rows + tileRows - 1) * 4
  // A transposed A, columns an odd number of cache lines apart.
  const gathered = n >= gatherColumns ? depth * ((Math.ceil(rows / 16) | 1) * 16) * 4 : 0
  // The widest panel, or all panels where A is long enough to meet each again.
  const columns = m > blockRows ? Math.ceil(n / 4) * 4 + 8 : widestPanel
  return Math.ceil((strip + gathered + columns * depth * 4) / 64) * 64
}

/** Bytes asm/matmul.ts packs a matrix of k × n in that stays the same for several products. */
export function packedPanelsBytes(n: number, k: number): number {
  return (Math.ceil(n / 4) * 4 + 8) * k * 4
}
