const blockDepth = 256
const blockRows = 256
const edgeBytes = 192

/**
 * Bytes of packing space asm/matmul.ts needs for a product of m × k by k × n (the sizes it will be called with at most): one tile for the
 * edges of C, and one packed panel of twelve columns, or all of them where A is long enough to meet each panel again.
 */
export function matmulScratchBytes(m: number, n: number, k: number): number {
  const columns = m > blockRows ? Math.ceil(n / 4) * 4 + 8 : 12
  return edgeBytes + Math.ceil((columns * Math.min(k, blockDepth) * 4) / 64) * 64
}
