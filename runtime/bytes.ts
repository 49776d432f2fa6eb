/** The bytes of a buffer or of a view into one, without copying; undefined for anything else. */
export function bytesOf(source: unknown): Uint8Array | undefined {
  if (source instanceof Uint8Array) return source
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
  // A buffer from another realm (a frame, a test's sandbox) is no instance of this realm's class.
  const kind = Object.prototype.toString.call(source)
  return kind === '[object ArrayBuffer]' ? new Uint8Array(source as ArrayBuffer) : undefined
}
