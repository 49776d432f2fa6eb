/**
 * C = A·B, or C += A·B with `accumulate`. C is m × n with unit column stride and rows `cRow` apart; element (i, p) of the m × k
 * matrix A lies at a + 4·(i·aRow + p·aColumn), element (p, j) of B at b + 4·(p·bRow + j·bColumn). Strides count elements;
 * k = 0 gives zero. `scratch` holds matmulScratchBytes(m, n, k) bytes, 16-byte aligned.
 */
export function matmul(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32,
  aRow: i32, aColumn: i32, bRow: i32, bColumn: i32, cRow: i32, accumulate: bool, scratch: usize,
): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const target = c + (<usize>(i * cRow + j) << 2)
      let sum: f32 = accumulate ? load<f32>(target) : 0
      for (let p = 0; p < k; p++) {
        sum += load<f32>(a + (<usize>(i * aRow + p * aColumn) << 2)) * load<f32>(b + (<usize>(p * bRow + j * bColumn) << 2))
      }
      store<f32>(target, sum)
    }
  }
}
