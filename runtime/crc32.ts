/** Cyclic redundancy check with the polynomial 0xedb88320 (ISO 3309, as in zip and png), without a table of constants. */
export function crc32(...parts: readonly Uint8Array[]): number {
  const table = Int32Array.from({ length: 256 }, (_, index) => {
    let value = index
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    return value
  })
  let sum = -1
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) sum = table[(sum ^ part[i]!) & 255]! ^ (sum >>> 8)
  }
  return ~sum >>> 0
}
