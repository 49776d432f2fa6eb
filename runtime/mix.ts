/** The finaliser of MurmurHash3 (Appleby 2011): a bijection of 32-bit words in which every input bit changes each output bit half of the time. */
export function mix(word: number): number {
  let bits = word | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
