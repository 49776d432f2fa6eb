// Writes bits.txt: 16,384 random bits from a fixed seed (xorshift, Marsaglia 2003).
//   node make-bits.mjs
import { writeFileSync } from 'node:fs'

let word = 12345
const bits = Array.from({ length: 16_384 }, () => {
  word ^= word << 13
  word ^= word >>> 17
  word ^= word << 5
  return (word >>> 0) / 2 ** 32 < 0.5 ? '0' : '1'
})
writeFileSync(new URL('bits.txt', import.meta.url), bits.join(''))
