/**
 * Takes the vector constants out of the loops of a finished module: each is read once, at its function's beginning, from a
 * table in memory and kept in a local. Engines build a `v128.const` anew wherever it stands, in three instructions, and
 * move it back into the loop if it is only given a name before; what is loaded from memory stays where it was loaded.
 */
import { concatenate, readUnsigned, unsigned, type WasmSection, wasmSections } from './wasm-sections.ts'

/** Where the module keeps the table, and how much of it there may be; what no longer fits stays in its loop. */
export interface ConstantTable {
  readonly offset: number
  readonly bytes: number
}

interface TableState {
  readonly table: ConstantTable
  readonly addresses: Map<string, number>
  readonly words: number[]
}

interface Constant {
  readonly start: number
  readonly end: number
  /** Where the table has it. */
  readonly address: number
  /** One word for all four lanes. */
  readonly splat: boolean
}

const typeSection = 1
const functionSection = 3
const codeSection = 10
const dataSection = 11
const dataCountSection = 12
const V128 = 0x7b
const CONSTANT_BYTES = 16

export function hoistConstants(wasm: Uint8Array, table: ConstantTable): Uint8Array {
  const sections = wasmSections(wasm)
  const code = sections.find(({ id }) => id === codeSection)
  if (!code) return wasm
  const state: TableState = { table, addresses: new Map(), words: [] }
  const parameters = parameterCounts(wasm, sections)
  const cursor = { at: code.body }
  const count = readUnsigned(wasm, cursor)
  const bodies = Array.from({ length: count }, (_, at) => {
    const size = readUnsigned(wasm, cursor)
    const start = cursor.at
    cursor.at += size
    const body = rewriteBody(state, wasm, start, cursor.at, parameters[at]!)
    return concatenate([unsigned(body.length), body])
  })
  if (state.words.length === 0) return wasm
  const rest = sections.filter(({ id, start }) => start > code.start && id !== dataSection)
  return concatenate([
    ...[wasm.subarray(0, 8), ...sections.filter(({ start }) => start < code.start).map(counted)],
    section(codeSection, concatenate([unsigned(count), ...bodies])),
    section(dataSection, dataWith(state, wasm, sections)),
    ...rest.map(({ start, end }) => wasm.subarray(start, end)),
  ])

  /** A section before the code, the number of data segments brought up to date. */
  function counted({ id, start, end, body }: WasmSection): Uint8Array {
    if (id !== dataCountSection) return wasm.subarray(start, end)
    return section(dataCountSection, unsigned(readUnsigned(wasm, { at: body }) + 1))
  }
}

function section(id: number, content: Uint8Array): Uint8Array {
  return concatenate([Uint8Array.of(id), unsigned(content.length), content])
}

/** The data segments there were, and the table. */
function dataWith({ table, words }: TableState, wasm: Uint8Array, sections: readonly WasmSection[]): Uint8Array {
  const existing = sections.find(({ id }) => id === dataSection)
  const cursor = { at: existing?.body ?? 0 }
  const count = existing ? readUnsigned(wasm, cursor) : 0
  const bytes = new Uint8Array(new Uint32Array(words).buffer)
  // An active segment of memory 0, at a constant offset.
  const head = [Uint8Array.of(0x00, 0x41), signed(table.offset), Uint8Array.of(0x0b), unsigned(bytes.length)]
  const before = existing ? wasm.subarray(cursor.at, existing.end) : new Uint8Array()
  return concatenate([unsigned(count + 1), before, ...head, bytes])
}

/** How many parameters each function of the code section has. */
function parameterCounts(wasm: Uint8Array, sections: readonly WasmSection[]): number[] {
  const types = sections.find(({ id }) => id === typeSection)
  const functions = sections.find(({ id }) => id === functionSection)
  if (!types || !functions) return []
  const cursor = { at: types.body }
  const counts = Array.from({ length: readUnsigned(wasm, cursor) }, () => {
    if (wasm[cursor.at++] !== 0x60) throw new Error('internal: assemble: a type that is no function')
    const parameters = readUnsigned(wasm, cursor)
    cursor.at += parameters
    const results = readUnsigned(wasm, cursor)
    cursor.at += results
    return parameters
  })
  const own = { at: functions.body }
  return Array.from({ length: readUnsigned(wasm, own) }, () => counts[readUnsigned(wasm, own)]!)
}

function rewriteBody(
  state: TableState,
  wasm: Uint8Array,
  start: number,
  end: number,
  parameterCount: number,
): Uint8Array {
  const cursor = { at: start }
  const groups = readUnsigned(wasm, cursor)
  const groupsStart = cursor.at
  let locals = parameterCount
  for (let group = 0; group < groups; group++) {
    locals += readUnsigned(wasm, cursor)
    cursor.at++
  }
  const code = cursor.at
  const constants = constantsInLoops(state, wasm, code, end)
  if (constants.length === 0) return wasm.subarray(start, end)
  const numbers = new Map<number, number>()
  for (const { address } of constants) if (!numbers.has(address)) numbers.set(address, locals + numbers.size)
  const splats = new Map(constants.map(({ address, splat }) => [address, splat]))
  const loads = [...numbers].map(([address, local]) =>
    concatenate([
      // i32.const 0, v128.load32_splat or v128.load, aligned to words
      ...[Uint8Array.of(0x41, 0x00, 0xfd, splats.get(address) ? 0x09 : 0x00, 0x02), unsigned(address)],
      // local.set
      ...[Uint8Array.of(0x21), unsigned(local)],
    ]),
  )
  const pieces: Uint8Array[] = []
  let copied = code
  for (const constant of constants) {
    // local.get
    pieces.push(wasm.subarray(copied, constant.start), Uint8Array.of(0x20), unsigned(numbers.get(constant.address)!))
    copied = constant.end
  }
  return concatenate([
    ...[unsigned(groups + 1), wasm.subarray(groupsStart, code), unsigned(numbers.size), Uint8Array.of(V128)],
    ...[...loads, ...pieces, wasm.subarray(copied, end)],
  ])
}

/** The vector constants inside loops that the table has or takes. */
function constantsInLoops(state: TableState, wasm: Uint8Array, start: number, end: number): Constant[] {
  const found: Constant[] = []
  const cursor = { at: start }
  const blocks: boolean[] = []
  let loops = 0
  while (cursor.at < end) {
    const at = cursor.at
    const opcode = wasm[at]!
    if (opcode === 0x02 || opcode === 0x03 || opcode === 0x04) {
      blocks.push(opcode === 0x03)
      if (opcode === 0x03) loops++
    } else if (opcode === 0x0b && blocks.pop()) loops--
    skipInstruction(wasm, cursor)
    if (loops === 0 || opcode !== 0xfd || wasm[at + 1] !== 0x0c) continue
    const bytes = wasm.subarray(at + 2, at + 2 + CONSTANT_BYTES)
    const place = placeInTable(state, bytes)
    if (place) found.push({ start: at, end: cursor.at, ...place })
  }
  return found
}

function placeInTable(
  { table, addresses, words }: TableState,
  bytes: Uint8Array,
): Pick<Constant, 'address' | 'splat'> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, CONSTANT_BYTES)
  const all = [0, 4, 8, 12].map((at) => view.getUint32(at, true))
  const splat = all.every((word) => word === all[0])
  // One instruction makes all bits 0 or 1.
  if (splat && (all[0] === 0 || all[0] === 0xffffffff)) return undefined
  const own = splat ? all.slice(0, 1) : all
  const key = own.join(' ')
  const known = addresses.get(key)
  if (known !== undefined) return { address: known, splat }
  if (4 * (words.length + own.length) > table.bytes) return undefined
  const address = table.offset + 4 * words.length
  words.push(...own)
  addresses.set(key, address)
  return { address, splat }
}

/** Moves the cursor behind the instruction it is at (core specification 3.0, section 5.4). */
function skipInstruction(wasm: Uint8Array, cursor: { at: number }): void {
  const opcode = wasm[cursor.at++]!
  const { numbers, bytes } = immediatesOf(opcode, () => readUnsigned(wasm, cursor))
  for (let number = 0; number < numbers; number++) while (wasm[cursor.at++]! >= 0x80);
  cursor.at += bytes
}

/** Numbers in LEB128, and bytes behind them. */
interface Immediates {
  readonly numbers: number
  readonly bytes: number
}

const NONE: Immediates = { numbers: 0, bytes: 0 }
const ONE: Immediates = { numbers: 1, bytes: 0 }
/** Alignment and offset of an access to memory. */
const ACCESS: Immediates = { numbers: 2, bytes: 0 }

/** What follows an opcode; `read` takes the number behind it. */
function immediatesOf(opcode: number, read: () => number): Immediates {
  if (opcode >= 0x45 && opcode <= 0xc4) return NONE
  if (opcode >= 0x28 && opcode <= 0x3e) return ACCESS
  switch (opcode) {
    case 0x00: // unreachable
    case 0x01: // nop
    case 0x05: // else
    case 0x0b: // end
    case 0x0f: // return
    case 0x1a: // drop
    case 0x1b: // select
      return NONE
    case 0x02: // block
    case 0x03: // loop
    case 0x04: // if
    case 0x0c: // br
    case 0x0d: // br_if
    case 0x10: // call
    case 0x20: // local.get
    case 0x21: // local.set
    case 0x22: // local.tee
    case 0x23: // global.get
    case 0x24: // global.set
    case 0x3f: // memory.size
    case 0x40: // memory.grow
    case 0x41: // i32.const
    case 0x42: // i64.const
      return ONE
    case 0x11: // call_indirect
      return { numbers: 2, bytes: 0 }
    case 0x0e: // br_table, with one more target than it says
      return { numbers: read() + 1, bytes: 0 }
    case 0x1c: // select with types
      return { numbers: read(), bytes: 0 }
    case 0x43: // f32.const
      return { numbers: 0, bytes: 4 }
    case 0x44: // f64.const
      return { numbers: 0, bytes: 8 }
    case 0xfc:
      return bulkImmediates(read())
    case 0xfd:
      return vectorImmediates(read())
    case 0xfe: // atomics; 3 is the fence
      return read() === 3 ? ONE : ACCESS
    default:
      throw new Error(`internal: assemble: unknown instruction 0x${opcode.toString(16)}`)
  }
}

/** Of saturating truncations and operations on ranges of memory. */
function bulkImmediates(operation: number): Immediates {
  if (operation < 8) return NONE
  // memory.init and memory.copy; data.drop and memory.fill
  if (operation === 8 || operation === 10) return { numbers: 2, bytes: 0 }
  if (operation === 9 || operation === 11) return ONE
  throw new Error(`internal: assemble: unknown instruction 0xfc ${operation}`)
}

function vectorImmediates(operation: number): Immediates {
  if (operation <= 11 || operation === 92 || operation === 93) return ACCESS
  // v128.const and i8x16.shuffle; the lane of an extraction or replacement; an access to one lane
  if (operation === 12 || operation === 13) return { numbers: 0, bytes: CONSTANT_BYTES }
  if (operation >= 21 && operation <= 34) return { numbers: 0, bytes: 1 }
  if (operation >= 84 && operation <= 91) return { numbers: 2, bytes: 1 }
  return NONE
}

/** Signed LEB128 of a number that is not negative. */
function signed(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x40) {
    bytes.push((rest & 0x7f) | 0x80)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.of(...bytes, rest)
}
