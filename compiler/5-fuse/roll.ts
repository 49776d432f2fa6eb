/**
 * Deep models repeat their calls block after block, with other addresses. Such runs become loops over the addresses, so
 * that code does not grow with the number of blocks. Addresses in even steps are computed, others come from a table.
 */
import { dimKey, symbol } from '../dimensions/dimension.ts'
import { withBuffers } from './call-buffers.ts'
import { findRepetitions, type Repetition } from './find-runs.ts'
import { uniqueName } from './naming.ts'
import type { Buffer, Call, Entry, Kernel, KernelCall, Preparation, Program, Run, Walk } from './program.ts'

/** A run has at least so many turns and leaves out at least so many calls: less is not worth a loop. */
const FEWEST_TURNS = 4
const FEWEST_CALLS_LEFT_OUT = 12
/** The module's static data is aligned to this. */
const ALIGNMENT = 16

interface RollState {
  readonly program: Program
  readonly buffers: Buffer[]
  readonly names: Set<string>
  /** A kernel's size parameters that are numbers of random draws, which differ from call to call. */
  readonly sites: readonly ReadonlySet<number>[]
  readonly signatures: Map<string, number>
}

/** The program with its entries' runs found; `calls` stay as they are. */
export function roll(program: Program): Program {
  const state: RollState = {
    program,
    buffers: [...program.buffers],
    names: new Set([...program.buffers, ...program.kernels].map(({ name }) => name)),
    sites: program.kernels.map(sitesOf),
    signatures: new Map(),
  }
  for (const { export: name } of [...program.entries, ...program.preparations]) state.names.add(name)
  const entries = program.entries.map((entry): Entry => ({ ...entry, runs: runsOf(state, entry) }))
  const preparations = program.preparations.map((own): Preparation => ({ ...own, runs: runsOf(state, own) }))
  const tables = [...entries, ...preparations]
    .flatMap(({ runs }) => runs)
    .reduce((bytes, { table }) => bytes + Math.ceil((4 * table.flat().length) / ALIGNMENT) * ALIGNMENT, 0)
  if (tables === 0) return { ...program, entries, preparations, buffers: state.buffers }
  const tablesOffset = Math.ceil(program.memory.total / ALIGNMENT) * ALIGNMENT
  const memory = { ...program.memory, tables, total: tablesOffset + tables }
  return { ...program, entries, preparations, buffers: state.buffers, memory, tablesOffset }
}

function sitesOf({ values }: Kernel): ReadonlySet<number> {
  return new Set(
    values.flatMap((value) =>
      value.kind === 'random' && typeof value.site === 'object' ? [value.site.parameter] : [],
    ),
  )
}

function runsOf(state: RollState, { calls }: Pick<Entry, 'calls'>): Run[] {
  const units = unitsOf(calls)
  const starts = units.map(({ first }) => first)
  const callsBefore = (unit: number): number => starts[unit] ?? calls.length
  const callsIn = ({ first, period }: Repetition): number => callsBefore(first + period) - callsBefore(first)
  const repetitions = findRepetitions(
    units.map((unit) => signatureNumber(state, calls.slice(unit.first, unit.end))),
    (own) => own.times >= FEWEST_TURNS && (own.times - 1) * callsIn(own) >= FEWEST_CALLS_LEFT_OUT,
  )
  return repetitions.map((own, number) => runOf(state, calls, callsBefore(own.first), callsIn(own), own.times, number))
}

/** Calls that stay together: what packs an operand goes with the call that takes it, if that is not in another list. */
function unitsOf(calls: readonly Call[]): { readonly first: number; readonly end: number }[] {
  const units: { first: number; end: number }[] = []
  let first = 0
  const alone = calls.every(({ kind }) => kind !== 'product' && kind !== 'loop')
  calls.forEach((call, at) => {
    if (call.kind === 'pack' && !alone && at < calls.length - 1) return
    units.push({ first, end: at + 1 })
    first = at + 1
  })
  return units
}

function runOf(
  state: RollState,
  calls: readonly Call[],
  first: number,
  period: number,
  turns: number,
  number: number,
): Run {
  const { program, buffers, names } = state
  const turnCalls = (turn: number): readonly Call[] => calls.slice(first + turn * period, first + (turn + 1) * period)
  const places = Array.from({ length: turns }, (_, turn) => buffersOf(program, turnCalls(turn)))
  const draws = Array.from({ length: turns }, (_, turn) => drawsOf(state, turnCalls(turn)))
  const columns: number[][] = []
  /** What is walked the same way → the pointer or name for it. */
  const pointers = new Map<string, { readonly buffer: number; readonly from: number; readonly walk: Walk }>()
  const numbers = new Map<string, { readonly name: string; readonly first: number; readonly walk: Walk }>()
  const walkOf = (values: readonly number[]): Walk => {
    const step = values[1]! - values[0]!
    if (values.every((value, turn) => value === values[0]! + turn * step)) return { kind: 'even', step }
    return { kind: 'table', column: columns.push([...values]) - 1 }
  }
  const replacements = places[0]!.map((from, at) => {
    const all = places.map((own) => own[at]!)
    if (all.every((buffer) => buffer === from)) return from
    const offsets = all.map((buffer) => program.buffers[buffer]!.offset)
    const key = offsets.join()
    const known = pointers.get(key)
    if (known) return known.buffer
    const { name, type } = program.buffers[from]!
    const buffer =
      buffers.push({ name: uniqueName(`${name}_on`, names), kind: 'pointer', type, offset: 0, bytes: 0 }) - 1
    pointers.set(key, { buffer, from, walk: walkOf(offsets) })
    return buffer
  })
  const sizes = draws[0]!.map((site, at) => {
    const all = draws.map((own) => own[at]!)
    if (all.every((other) => other === site)) return site
    const key = all.join()
    const known = numbers.get(key)
    if (known) return symbol(known.name)
    const name = `draw${numbers.size}`
    numbers.set(key, { name, first: site, walk: walkOf(all) })
    return symbol(name)
  })
  let place = 0
  let draw = 0
  const body = turnCalls(0).map((call) => {
    const moved = withBuffers(call, (buffer) => (isAddressed(program, buffer) ? replacements[place++]! : buffer))
    return withDraws(state, moved, () => sizes[draw++]!)
  })
  return {
    number,
    first,
    end: first + period * turns,
    turns,
    body,
    pointers: [...pointers.values()],
    numbers: [...numbers.values()],
    table: columns.length === 0 ? [] : Array.from({ length: turns }, (_, turn) => columns.map((own) => own[turn]!)),
  }
}

/** The pointers of a loop are its own. */
function isAddressed({ buffers }: Program, buffer: number): boolean {
  return buffers[buffer]!.kind !== 'pointer'
}

function buffersOf(program: Program, calls: readonly Call[]): number[] {
  const found: number[] = []
  for (const call of calls)
    withBuffers(call, (buffer) => {
      if (isAddressed(program, buffer)) found.push(buffer)
      return buffer
    })
  return found
}

function drawsOf(state: RollState, calls: readonly Call[]): number[] {
  const found: number[] = []
  for (const call of calls)
    withDraws(state, call, (site) => {
      found.push(site as number)
      return site
    })
  return found
}

function withDraws(
  state: RollState,
  call: Call,
  change: (site: KernelCall['sizes'][number]) => KernelCall['sizes'][number],
): Call {
  if (call.kind === 'loop') return { ...call, body: call.body.map((inner) => withDraws(state, inner, change)) }
  if (call.kind !== 'kernel') return call
  const sites = state.sites[call.kernel]!
  return sites.size === 0
    ? call
    : {
        ...call,
        sizes: call.sizes.map((size, at) => (sites.has(at) && typeof size === 'number' ? change(size) : size)),
      }
}

/** The same number for calls that differ only in buffers and random draws. */
function signatureNumber(state: RollState, calls: readonly Call[]): number {
  const pointers = new Map<number, number>()
  const counters: string[] = []
  const anonymous = (buffer: number): number => {
    const { kind, type } = state.program.buffers[buffer]!
    if (kind !== 'pointer') return type.dtype === 'i32' ? -2 : -1
    if (!pointers.has(buffer)) pointers.set(buffer, pointers.size)
    return pointers.get(buffer)!
  }
  const form = ({ title: _, span: __, work: ___, ...call }: Call): unknown => {
    if (call.kind !== 'loop') return call
    counters.push(call.counter)
    return { ...call, body: call.body.map(form) }
  }
  const forms = calls.map((call) => form(withDraws(state, withBuffers(call, anonymous), () => -1)))
  let text = JSON.stringify(forms, (_, value) =>
    typeof value === 'object' && value !== null && 'key' in value ? dimKey(value) : value,
  )
  counters.forEach((counter, at) => {
    text = text.replaceAll(new RegExp(`${counter}(?!\\d)`, 'g'), `#loop${at}`)
  })
  const known = state.signatures.get(text)
  if (known !== undefined) return known
  state.signatures.set(text, state.signatures.size)
  return state.signatures.size - 1
}
