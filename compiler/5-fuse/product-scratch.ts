/** Bytes of packing space asm/matmul.ts needs for a product of m × k by k × n; a multiple of 64. */
export function matmulScratchBytes(m: number, n: number, k: number): number {
  const depth = Math.min(k, 256)
  const panels = Math.ceil(n / 16) * 16 * depth + Math.ceil(Math.min(m, 128) / 8) * 8 * depth
  return Math.ceil((panels * 4) / 64) * 64
}
