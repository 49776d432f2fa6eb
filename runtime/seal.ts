import { crc32 } from './crc32.ts'
import type { Manifest } from './manifest.ts'
import { CHECKSUM_SECTION, MANIFEST_SECTION } from './section.ts'

/** Appends the manifest and, last, a checksum of all bytes before it to a module: what `load` looks for. */
export function sealModule(wasm: Uint8Array, manifest: Manifest): Uint8Array<ArrayBuffer> {
  const described = join(wasm, customSection(MANIFEST_SECTION, new TextEncoder().encode(JSON.stringify(manifest))))
  const sum = new Uint8Array(4)
  new DataView(sum.buffer).setUint32(0, crc32(described), true)
  return join(described, customSection(CHECKSUM_SECTION, sum))
}

function customSection(name: string, content: Uint8Array): Uint8Array {
  const nameBytes = new TextEncoder().encode(name)
  const body = join(lengthBytes(nameBytes.length), nameBytes, content)
  return join(Uint8Array.of(0), lengthBytes(body.length), body)
}

/** Unsigned LEB128. */
function lengthBytes(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest & 127
    rest >>>= 7
    bytes.push(rest === 0 ? low : low | 128)
  } while (rest !== 0)
  return Uint8Array.from(bytes)
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
