import { ModelError } from './error.ts'

/** Bits per element of each dtype the format knows. */
const bits: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
}
const MAXIMUM_HEADER = 100_000_000

/** One tensor of a file: bytes in C order, little-endian. */
export interface StoredTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: Readonly<Record<string, string>>
}

/** Writes a file: wide dtypes first, then by name, header padded to 8 bytes, no gaps. */
export function writeSafetensors(file: SafetensorsFile): Uint8Array<ArrayBuffer> {
  const sorted = [...file.tensors].sort(
    ([nameA, a], [nameB, b]) => bits[b.dtype]! - bits[a.dtype]! || (nameA < nameB ? -1 : 1),
  )
  let end = 0
  const header: [string, unknown][] = [['__metadata__', file.metadata]]
  for (const [name, { dtype, shape, bytes }] of sorted) {
    header.push([name, { dtype, shape, data_offsets: [end, end + bytes.length] }])
    end += bytes.length
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  const start = 8 + Math.ceil(text.length / 8) * 8
  const whole = new Uint8Array(start + end)
  whole.fill(0x20, 8, start)
  whole.set(text, 8)
  new DataView(whole.buffer).setUint32(0, start - 8, true)
  let at = start
  for (const [, { bytes }] of sorted) {
    whole.set(bytes, at)
    at += bytes.length
  }
  return whole
}

/** Reads a file strictly; tensors are views into `file`. Anything irregular is a `damaged-checkpoint`. */
export function readSafetensors(file: Uint8Array): SafetensorsFile {
  if (file.length < 8) throw refused(`${file.length} bytes are too few for a safetensors file`)
  const view = new DataView(file.buffer, file.byteOffset)
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32
  if (length > MAXIMUM_HEADER)
    throw refused(`its header would have ${length} bytes, so this is no safetensors file, or its first bytes are wrong`)
  if (8 + length > file.length) throw refused(`it is cut short within the header (${file.length} bytes in all)`)
  const header = parseHeader(file.subarray(8, 8 + length))
  const buffer = file.subarray(8 + length)
  const tensors = new Map<string, StoredTensor>()
  const spans: [number, number, string][] = []
  let metadata: Readonly<Record<string, string>> = {}
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isRecord(value) || !Object.values(value).every((item) => typeof item === 'string'))
        throw refused('its metadata is not made of strings')
      metadata = value as Record<string, string>
      continue
    }
    const tensor = readTensor(name, value, buffer)
    spans.push([tensor.begin, tensor.end, name])
    tensors.set(name, tensor.stored)
  }
  // Sorted by both ends, so that a tensor without elements comes before the one that begins at the same byte.
  spans.sort(([beginA, endA], [beginB, endB]) => beginA - beginB || endA - endB)
  let covered = 0
  for (const [begin, end, name] of spans) {
    if (begin !== covered) throw refused(`the bytes of tensor ${name} begin at ${begin}, not at ${covered}`)
    covered = end
  }
  if (covered !== buffer.length)
    throw refused(`its tensors take ${covered} bytes, but ${buffer.length} follow the header; it may be cut short`)
  return { tensors, metadata }
}

function readTensor(
  name: string,
  value: unknown,
  buffer: Uint8Array,
): { begin: number; end: number; stored: StoredTensor } {
  const what = `tensor ${name}`
  const { dtype, shape, data_offsets: offsets, ...rest } = isRecord(value) ? value : {}
  const width = typeof dtype === 'string' && Object.hasOwn(bits, dtype) ? bits[dtype]! : undefined
  if (width === undefined) throw refused(`${what} has the unknown dtype ${JSON.stringify(dtype)}`)
  if (!isSizes(shape)) throw refused(`${what} has no proper shape`)
  if (!isSizes(offsets) || offsets.length !== 2 || Object.keys(rest).length > 0)
    throw refused(`${what} is not described by dtype, shape and data_offsets alone`)
  let elements = 1
  for (const size of shape) {
    elements *= size
    if (!Number.isSafeInteger(elements * 8)) throw refused(`${what} has more elements than can be counted`)
  }
  const [begin, end] = offsets as [number, number]
  if (end - begin !== (elements * width) / 8 || end > buffer.length)
    throw refused(`${what}, ${dtype}[${shape.join(', ')}], does not fit its place, bytes ${begin} to ${end}`)
  return { begin, end, stored: { dtype: dtype as string, shape, bytes: buffer.subarray(begin, end) } }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    header = JSON.parse(text)
  } catch {
    throw refused('its header is not JSON in UTF-8')
  }
  if (!text.startsWith('{') || !isRecord(header)) throw refused('its header is no JSON object')
  const twice = repeatedKey(text)
  if (twice !== undefined) throw refused(`its header names ${twice} twice`)
  return header
}

/** The first key that occurs twice within one object of a JSON text known to be valid. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = []
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (key !== undefined) {
      const name = JSON.parse(key)
      const keys = open.at(-1)!
      if (keys.has(name)) return key
      keys.add(name)
    }
  }
  return undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

/** What every complaint about the file itself looks like. */
export function refused(what: string): ModelError {
  return new ModelError('damaged-checkpoint', `this file cannot be read as a checkpoint: ${what}`)
}
