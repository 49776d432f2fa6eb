/**
 * Just enough of the WebAssembly binary format to read function sizes and to drop custom sections
 * (core specification 2.0, section 5.5).
 */
export interface WasmSection {
  readonly id: number
  /** Name of a custom section (id 0). */
  readonly name?: string
  /** Where the section begins, its id byte included, and ends. */
  readonly start: number
  readonly end: number
  /** Where its contents begin: behind the name for a custom section. */
  readonly body: number
}

const customSection = 0
const importSection = 2
const codeSection = 10
const dataSection = 11
/** Sections by id that would make a module depend on its host, run code when instantiated or fill memory. */
const unwanted: Readonly<Record<number, string>> = {
  [importSection]: 'imports',
  8: 'a start function',
  [dataSection]: 'data segments',
}

/** The sections in file order. */
export function wasmSections(wasm: Uint8Array): WasmSection[] {
  const sections: WasmSection[] = []
  const cursor = { at: 8 }
  while (cursor.at < wasm.length) {
    const start = cursor.at
    const id = wasm[cursor.at++]!
    const size = readUnsigned(wasm, cursor)
    const end = cursor.at + size
    const name = id === customSection ? readName(wasm, cursor) : undefined
    sections.push({ id, start, end, body: cursor.at, ...(name === undefined ? {} : { name }) })
    cursor.at = end
  }
  return sections
}

/** What the module has that a self-contained one has not, but for what is `allowed`. */
export function foreignParts(
  wasm: Uint8Array,
  allowed: { readonly data: boolean; readonly imports: boolean },
): string[] {
  return wasmSections(wasm).flatMap(({ id }) => {
    const fine = (id === dataSection && allowed.data) || (id === importSection && allowed.imports)
    return fine ? [] : (unwanted[id] ?? [])
  })
}

/** Code bytes of each function, largest first; unnamed functions are called by their index. */
export function functionSizes(wasm: Uint8Array): { name: string; bytes: number }[] {
  const sections = wasmSections(wasm)
  const code = sections.find((section) => section.id === codeSection)
  if (!code) return []
  const names = functionNames(wasm, sections)
  const sizes: { name: string; bytes: number }[] = []
  const cursor = { at: code.body }
  const count = readUnsigned(wasm, cursor)
  for (let index = 0; index < count; index++) {
    const bytes = readUnsigned(wasm, cursor)
    sizes.push({ name: names.get(index) ?? String(index), bytes })
    cursor.at += bytes
  }
  return sizes.sort((a, b) => b.bytes - a.bytes)
}

/** The same module without the custom section `name`. */
export function dropSection(wasm: Uint8Array, name: string): Uint8Array {
  const kept = wasmSections(wasm).filter((section) => section.name !== name)
  return concatenate([wasm.subarray(0, 8), ...kept.map((section) => wasm.subarray(section.start, section.end))])
}

function functionNames(wasm: Uint8Array, sections: readonly WasmSection[]): Map<number, string> {
  const names = new Map<number, string>()
  const section = sections.find((candidate) => candidate.name === 'name')
  if (!section) return names
  const functionSubsection = 1
  const cursor = { at: section.body }
  while (cursor.at < section.end) {
    const id = wasm[cursor.at++]!
    const size = readUnsigned(wasm, cursor)
    const end = cursor.at + size
    if (id === functionSubsection) {
      const count = readUnsigned(wasm, cursor)
      for (let entry = 0; entry < count; entry++) {
        const index = readUnsigned(wasm, cursor)
        names.set(index, readName(wasm, cursor))
      }
    }
    cursor.at = end
  }
  return names
}

function readName(wasm: Uint8Array, cursor: { at: number }): string {
  const length = readUnsigned(wasm, cursor)
  const text = new TextDecoder().decode(wasm.subarray(cursor.at, cursor.at + length))
  cursor.at += length
  return text
}

/** Unsigned LEB128. */
export function readUnsigned(wasm: Uint8Array, cursor: { at: number }): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = wasm[cursor.at++]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value >>> 0
  }
}

/** Unsigned LEB128. */
export function unsigned(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.of(...bytes, rest)
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let at = 0
  for (const part of parts) {
    result.set(part, at)
    at += part.length
  }
  return result
}
