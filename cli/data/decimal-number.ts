/** The number a text is in decimal notation, undefined where it is none: no 0x10, no Infinity, nothing beyond an f64. */
export function decimalNumber(text: string): number | undefined {
  const value = Number(text)
  const hasPrefix = text.length > 2 && /^[+-]?0[xob]/i.test(text)
  return text === '' || hasPrefix || !Number.isFinite(value) ? undefined : value
}
