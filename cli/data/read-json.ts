import { decodeBytes, decodePieces, refuseBinary } from './decode-bytes.ts'
import { FormatError } from './format-error.ts'

/** Bytes of one JSON value; JSON lines may be longer. */
const LONGEST_VALUE = 2 ** 28

/** The value of JSON text, or, of JSON lines, the list of the values. Throws {@link FormatError} naming the place. */
export function readJson(bytes: Uint8Array, name: string): unknown {
  refuseBinary(bytes, name)
  const isLong = bytes.length > LONGEST_VALUE
  let why = 'it is too long for one value; write an object on each line, as JSON lines'
  if (!isLong) {
    const text = decodeBytes(bytes)
    if (/^\s*</.test(text))
      throw new FormatError(
        `${name} is a web page or XML, not JSON`,
        'it may be the answer of a server that has no such file',
      )
    try {
      return JSON.parse(text)
    } catch (error) {
      why = (error as Error).message
    }
  }
  return readLines(bytes, name) ?? fail(name, why)
}

/** The values of JSON lines, if the first line is a value of its own with another below it. */
function readLines(bytes: Uint8Array, name: string): unknown[] | undefined {
  const values: unknown[] = []
  let number = 0
  for (const line of linesOf(decodePieces(bytes))) {
    number++
    if (line.trim() === '') continue
    try {
      values.push(JSON.parse(line))
    } catch (error) {
      if (values.length === 0) return undefined
      throw new FormatError(`line ${number} of ${name} is not JSON: ${(error as Error).message}`)
    }
  }
  return values
}

function* linesOf(pieces: Iterable<string>): Generator<string, void, void> {
  let rest = ''
  for (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  yield rest
}

function fail(name: string, why: string): never {
  throw new FormatError(
    `${name} is not JSON: ${why}`,
    /\bN(aN)?\b|Infinity/.test(why.slice(0, 40)) ? 'JSON has no NaN; a missing value is `null`' : undefined,
  )
}
