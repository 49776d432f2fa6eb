/** The text of a file's bytes: UTF-16 where a byte order mark says so, else UTF-8, or, where that fails, Windows-1252. */
import { isUtf8 } from 'node:buffer'
import { FormatError } from './format-error.ts'

/** Bytes decoded at a time, so that a text need not fit into one string. */
const PIECE = 2 ** 22

/** Zero bytes are looked for in so many bytes: text has none, archives and pictures have some at once. */
const LOOKED_THROUGH = 4096

/** All of the text. */
export function decodeBytes(bytes: Uint8Array): string {
  return [...decodePieces(bytes)].join('')
}

/** The text in pieces, in order. */
export function* decodePieces(bytes: Uint8Array): Generator<string, void, void> {
  const decoder = new TextDecoder(encodingOf(bytes))
  for (let at = 0; at < bytes.length; at += PIECE)
    yield decoder.decode(bytes.subarray(at, at + PIECE), { stream: at + PIECE < bytes.length })
}

/** Throws {@link FormatError} for what is no text. @param name how messages call the file */
export function refuseBinary(bytes: Uint8Array, name: string): void {
  if (!encodingOf(bytes).startsWith('utf-16') && bytes.subarray(0, LOOKED_THROUGH).includes(0))
    throw new FormatError(`${name} is no text: it holds zero bytes`, 'save it as UTF-8 text')
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return isUtf8(bytes) ? 'utf-8' : 'windows-1252'
}
