import { crc32 } from './crc32.ts'
import { ModelError } from './error.ts'

/** Custom sections of a module: the manifest, and last of all a checksum of every byte before that section. */
export const MANIFEST_SECTION = 'nnc'
export const CHECKSUM_SECTION = 'nnc.crc32'

/**
 * The manifest's text in a module's bytes. Refuses what is no wasm (`not-wasm`), what is cut short or altered
 * (`damaged-module`) and what another tool made (`foreign-module`).
 */
export function readManifestSection(bytes: Uint8Array): string {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d) {
    const begin = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    throw new ModelError(
      'not-wasm',
      `this is no WebAssembly module: it ${bytes.length === 0 ? 'is empty' : `begins with the bytes ${begin}`}, a module begins with 00 61 73 6d; check the path or address it was read from`,
    )
  }
  let manifest: string | undefined
  let whole = false
  let position = 8
  while (position < bytes.length) {
    const start = position
    const id = bytes[position++]!
    const size = readLength(bytes, position)
    const end = size.next + size.value
    if (end > bytes.length) throw damaged(`a section should end at byte ${end}, the file has ${bytes.length}`)
    position = end
    if (id !== 0) continue
    const length = readLength(bytes, size.next)
    const content = length.next + length.value
    if (content > end) throw damaged('a section is shorter than its name')
    const name = String.fromCharCode(...bytes.subarray(length.next, Math.min(content, length.next + 16)))
    if (name === MANIFEST_SECTION) manifest = decode(bytes.subarray(content, end))
    if (name === CHECKSUM_SECTION) {
      const expected = new DataView(bytes.buffer, bytes.byteOffset + content).getUint32(0, true)
      if (end - content !== 4 || end !== bytes.length || expected !== crc32(bytes.subarray(0, start)))
        throw damaged('its checksum does not match, so it was changed after it was compiled')
      whole = true
    }
  }
  if (manifest === undefined) {
    throw new ModelError(
      'foreign-module',
      'this WebAssembly module was not made by nnc: it has no `nnc` section; give the .wasm that `nnc build` wrote',
    )
  }
  if (!whole) throw damaged('its checksum is missing')
  return manifest
}

export function damaged(what: string): ModelError {
  return new ModelError('damaged-module', `the module is damaged: ${what}; build or download it again`)
}

/** An unsigned LEB128 number, at most 32 bits. */
function readLength(bytes: Uint8Array, position: number): { value: number; next: number } {
  let value = 0
  for (let index = 0; index < 5; index++) {
    const byte = bytes[position + index]
    if (byte === undefined) break
    value += (byte & 127) * 2 ** (7 * index)
    if (byte < 128) return { value, next: position + index + 1 }
  }
  throw damaged(`it ends, or is not as it should be, at byte ${position}`)
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw damaged('its manifest is not UTF-8')
  }
}
