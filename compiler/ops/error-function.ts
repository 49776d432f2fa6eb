/**
 * erf x to nearly full float64 precision: a series of positive terms near zero (Abramowitz and Stegun 7.1.6), a
 * continued fraction for the complement further out (7.1.14).
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x
  const size = Math.abs(x)
  const value = size < 3 ? series(size) : size > 6 ? 1 : 1 - complement(size)
  return x < 0 ? -value : value
}

/** 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)) */
function series(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/** e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))) */
function complement(x: number): number {
  let tail = x
  for (let n = 60; n >= 1; n--) tail = x + n / 2 / tail
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail)
}
