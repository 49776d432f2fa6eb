/**
 * A kernel's loop nest as AssemblyScript. Four lanes run along one axis of each stage; its loop takes two vectors at a
 * time and then, for what remains, the same body with one vector whose lanes past the end are not stored and count as
 * nothing in reductions.
 */
import type { IndexMap, Kernel, KernelStage, KernelStore, KernelValue, Size } from '../5-fuse/program.ts'
import { dependenciesOf, neededBy } from './kernel-dataflow.ts'
import {
  addressOf,
  advanceAddresses,
  localOf,
  nested,
  type Printer,
  remaining,
  type Scope,
  startAddresses,
} from './kernel-scope.ts'
import { block, type Lines, line } from './lines.ts'
import type { Partition } from './partition.ts'
import { coefficient, letter, printIndex, printScalarIndex, printSize, variable } from './print-index.ts'
import { printBound, printOperation, splatLiteral } from './print-operation.ts'
import { acrossLanes, combine, firstLargest, flagsNaN, identityOf } from './print-reduction.ts'

/** How often a body is repeated for adjacent vectors, and whether lanes may lie past the end. */
interface LaneMode {
  readonly copies: 1 | 2 | 4
  readonly partial: boolean
}

const WHOLE: LaneMode = { copies: 1, partial: false }
const PAIR: LaneMode = { copies: 2, partial: false }
const FOUR: LaneMode = { copies: 4, partial: false }

/** Prints the function for a kernel, without its comment. With a `partition` it takes the part `from` … `to` of that axis. */
export function printKernel(kernel: Kernel, lines: Lines, partition?: Partition): void {
  const parameters = [
    ...kernel.buffers.map((_, at) => `p${at}: usize`),
    ...Array.from({ length: kernel.sizes }, (_, at) => `n${at}: i32`),
    ...(partition ? ['from: i32', 'to: i32'] : []),
  ]
  const printer: Printer = {
    kernel,
    lines,
    dependencies: dependenciesOf(kernel),
    needed: kernel.stages.map((stage) => neededBy(kernel, stage)),
    addressCount: 0,
    ...(partition && { shared: partition.axis }),
  }
  block(lines, `function ${kernel.name}(${parameters.join(', ')}): void`, () => {
    const scope: Scope = { locals: new Map(), addresses: new Map(), known: new Map() }
    if (kernel.values.some((value) => value.kind === 'random')) {
      line(lines, 'const seed: i32 = load<i32>(SEED)')
      line(lines, 'const step: i32 = load<i32>(STEP)')
    }
    startAddresses(printer, scope)
    printOuter(printer, scope, 0, WHOLE)
  })
}

function printOuter(printer: Printer, scope: Scope, depth: number, mode: LaneMode): void {
  const { kernel } = printer
  if (depth === kernel.outer.length) {
    for (const [at, stage] of kernel.stages.entries()) printStage(printer, scope, stage, at, mode)
    return
  }
  const all = [...new Set(printer.needed.flat())].sort((a, b) => a - b)
  printValues(printer, scope, all, kernel.outer.slice(0, depth), undefined, mode)
  const axis = kernel.outer[depth]!
  const lanes = kernel.lanes === 'outer' && depth === kernel.outer.length - 1
  printLoop(printer, axis, !lanes ? 1 : sumsColumns(kernel) ? 4 : 2, (own) => {
    const inside = nested(scope)
    advanceAddresses(printer, inside, axis, kernel.stages)
    printOuter(printer, inside, depth + 1, lanes ? own : mode)
  })
}

function printStage(printer: Printer, scope: Scope, stage: KernelStage, number: number, mode: LaneMode): void {
  const { kernel, lines } = printer
  const needed = printer.needed[number]!
  const outerLane = kernel.lanes === 'outer' ? kernel.outer.at(-1) : undefined
  printValues(printer, scope, needed, kernel.outer, outerLane, mode)
  if (stage.inner.length === 0) {
    for (const store of stage.stores) printStore(printer, scope, store, outerLane, mode)
    return
  }
  const innerLane = kernel.lanes === 'inner' ? stage.inner.at(-1) : undefined
  const copies = innerLane === undefined ? mode.copies : 2
  for (const id of stage.reductions) startReduction(id, copies)
  printInner(scope, 0, mode)
  for (const id of stage.reductions) finishReduction(printer, scope, id, copies, innerLane !== undefined)

  function printInner(outside: Scope, depth: number, lanes: LaneMode): void {
    const walked = [...kernel.outer, ...stage.inner.slice(0, depth)]
    const laneAxis = innerLane !== undefined && depth < stage.inner.length ? undefined : (innerLane ?? outerLane)
    if (depth > 0) printValues(printer, outside, needed, walked, laneAxis, lanes)
    if (depth === stage.inner.length) {
      for (const id of stage.reductions)
        accumulate(printer, outside, stage, id, laneAxis, lanes, innerLane !== undefined)
      for (const store of stage.stores) printStore(printer, outside, store, laneAxis, lanes)
      return
    }
    const axis = stage.inner[depth]!
    printLoop(printer, axis, axis === innerLane ? 2 : 1, (own) => {
      const inside = nested(outside)
      advanceAddresses(printer, inside, axis, [stage])
      printInner(inside, depth + 1, axis === innerLane ? own : lanes)
    })
  }

  function startReduction(id: number, count: number): void {
    const value = kernel.values[id]!
    if (value.kind !== 'reduction') throw new Error('internal: emit: a stage reduces what is no reduction')
    const { dtype } = kernel.values[value.operands[0]!]!
    for (let copy = 0; copy < count; copy++) {
      line(lines, `let ${accumulator(id, copy)}: v128 = ${identityOf(value.reducer, dtype)}`)
      if (value.reducer === 'argmax') line(lines, `let ${position(id, copy)}: v128 = i32x4.splat(0)`)
      if (flagsNaN(value.reducer, dtype)) line(lines, `let ${flag(id, copy)}: v128 = i32x4.splat(0)`)
    }
  }
}

function accumulate(
  printer: Printer,
  scope: Scope,
  stage: KernelStage,
  id: number,
  laneAxis: number | undefined,
  mode: LaneMode,
  acrossLoop: boolean,
): void {
  const { kernel, lines } = printer
  const value = kernel.values[id] as KernelValue & { kind: 'reduction' }
  const operand = value.operands[0]!
  const { dtype } = kernel.values[operand]!
  for (let copy = 0; copy < mode.copies; copy++) {
    let term = localOf(scope, operand, copy)
    if (acrossLoop && mode.partial)
      term = `choose(${term}, ${identityOf(value.reducer, dtype)}, laneMask(${remaining(printer, laneAxis!)}))`
    const total = accumulator(id, copy)
    if (flagsNaN(value.reducer, dtype)) {
      const own = `term_${id}${letter(copy)}`
      line(lines, `const ${own}: v128 = ${term}`)
      line(lines, `${total} = f32x4.p${value.reducer}(${total}, ${own})`)
      line(lines, `${flag(id, copy)} = v128.or(${flag(id, copy)}, f32x4.ne(${own}, ${own}))`)
      continue
    }
    if (value.reducer !== 'argmax') {
      line(lines, `${total} = ${combine(value.reducer, dtype, total, term)}`)
      continue
    }
    const axis = stage.inner[0]!
    const map: IndexMap = { constant: 0, terms: [{ axis, coefficient: 1 }] }
    const greater = `greater_${id}${letter(copy)}`
    const best = `candidate_${id}${letter(copy)}`
    line(lines, `const ${best}: v128 = ${term}`)
    line(lines, `const ${greater}: v128 = ${dtype === 'f32' ? 'f32x4.gt' : 'i32x4.gt_s'}(${best}, ${total})`)
    line(lines, `${total} = choose(${best}, ${total}, ${greater})`)
    const at = position(id, copy)
    line(lines, `${at} = choose(${printIndex(map, acrossLoop ? laneAxis : undefined, copy)}, ${at}, ${greater})`)
  }
}

function finishReduction(printer: Printer, scope: Scope, id: number, copies: number, acrossLoop: boolean): void {
  const value = printer.kernel.values[id] as KernelValue & { kind: 'reduction' }
  const { dtype } = printer.kernel.values[value.operands[0]!]!
  const numbers = Array.from({ length: copies }, (_, copy) => copy)
  const flagged = flagsNaN(value.reducer, dtype)
  for (const copy of numbers)
    if (flagged) line(printer.lines, `${accumulator(id, copy)} = v128.or(${accumulator(id, copy)}, ${flag(id, copy)})`)
  const totals = numbers.map((copy) => accumulator(id, copy))
  const positions = numbers.map((copy) => position(id, copy))
  if (!acrossLoop) {
    scope.locals.set(id, value.reducer === 'argmax' ? positions : totals)
    return
  }
  const { reducer } = value
  const result =
    reducer === 'argmax'
      ? firstLargest(dtype, totals, positions)
      : acrossLanes(
          reducer,
          dtype,
          totals.reduce((a, b) => combine(reducer, dtype, a, b)),
        )
  line(printer.lines, `const ${reducer}_${id}: v128 = ${result}`)
  scope.locals.set(id, [`${reducer}_${id}`])
}

/**
 * Whether the columns of one matrix are summed, which is done for four vectors side by side: a whole line of the cache at once. More sums at
 * once, or lanes along the rows, gain nothing by it.
 */
function sumsColumns({ lanes, stages }: Kernel): boolean {
  return lanes === 'outer' && stages.reduce((count, { reductions }) => count + reductions.length, 0) === 1
}

/** A counting loop; along the lanes first `most` vectors at a time, then what remains, in the end one. */
function printLoop(printer: Printer, axis: number, most: LaneMode['copies'], body: (mode: LaneMode) => void): void {
  const { kernel, lines } = printer
  const { extent, multiple } = kernel.axes[axis]!
  const [start, end] = printer.shared === axis ? ['from', 'to'] : ['0', printSize(extent)]
  const index = variable(axis)
  if (most === 1) {
    block(lines, `for (let ${index}: i32 = ${start}; ${index} < ${end}; ${index}++)`, () => body(WHOLE))
    return
  }
  if (multiple >= 4 * most) {
    const whole = most === 4 ? FOUR : PAIR
    block(lines, `for (let ${index}: i32 = ${start}; ${index} < ${end}; ${index} += ${4 * most})`, () => body(whole))
    return
  }
  line(lines, `let ${index}: i32 = ${start}`)
  if (most === 4) block(lines, `for (; ${index} + 16 <= ${end}; ${index} += 16)`, () => body(FOUR))
  else block(lines, `for (; ${index} + 8 <= ${end}; ${index} += 8)`, () => body(PAIR))
  block(lines, `for (; ${index} < ${end}; ${index} += 4)`, () => body({ copies: 1, partial: multiple === 1 }))
}

/** Defines the values that are complete once the axes in `walked` are, and are not defined yet. */
function printValues(
  printer: Printer,
  scope: Scope,
  ids: readonly number[],
  walked: readonly number[],
  laneAxis: number | undefined,
  mode: LaneMode,
): void {
  const known = new Set(walked)
  for (const id of ids) {
    if (scope.locals.has(id)) continue
    const value = printer.kernel.values[id]!
    const axes = printer.dependencies[id]!
    if (value.kind === 'reduction' || ![...axes].every((axis) => known.has(axis))) continue
    if (value.kind === 'operation' && !value.operands.every((operand) => scope.locals.has(operand))) continue
    const copies = laneAxis !== undefined && axes.has(laneAxis) ? mode.copies : 1
    const name = `${wordFor(value)}_${id}`
    const locals = Array.from({ length: copies }, (_, copy) => (copies > 1 ? `${name}${letter(copy)}` : name))
    locals.forEach((local, copy) => {
      line(printer.lines, `const ${local}: v128 = ${printValue(printer.kernel, scope, value, laneAxis, copy)}`)
    })
    scope.locals.set(id, locals)
  }
}

/** A float that is the same everywhere and not NaN. */
function isNumber(value: KernelValue): boolean {
  return value.kind === 'constant' && value.dtype === 'f32' && !Number.isNaN(value.value)
}

/** What a local is called, its number apart. */
function wordFor(value: KernelValue): string {
  switch (value.kind) {
    case 'operation':
      return value.op
    case 'random':
      return value.distribution
    case 'constant':
      return 'c'
    case 'load':
      return 'x'
    default:
      return value.kind
  }
}

function printValue(
  kernel: Kernel,
  scope: Scope,
  value: KernelValue,
  laneAxis: number | undefined,
  copy: number,
): string {
  switch (value.kind) {
    case 'constant':
      return splatLiteral(value.dtype, value.value)
    case 'load': {
      const loaded = printLoad(addressOf(scope, value.offset), coefficient(value.offset, laneAxis), copy)
      return value.dtype === 'bool' ? `i32x4.ne(${loaded}, i32x4.splat(0))` : loaded
    }
    case 'position':
      return printIndex(value.offset, laneAxis, copy)
    case 'size':
      return `i32x4.splat(${printSize(value.size)})`
    case 'inside':
      if (coefficient(value.offset, laneAxis) === 0) {
        const holds = `<u32>(${printScalarIndex(value.offset, undefined, 0)}) < <u32>${printSize(value.limit)}`
        return `i32x4.splat(-i32(${holds}))`
      }
      return `i32x4.lt_u(${printIndex(value.offset, laneAxis, copy)}, i32x4.splat(${printSize(value.limit)}))`
    case 'random': {
      const element = printIndex(value.element, laneAxis, copy)
      return `${value.distribution}4(seed, step, ${printSize(value.site)}, ${element})`
    }
    case 'operation': {
      const operands = value.operands.map((operand) => localOf(scope, operand, copy))
      if (value.op === 'maximum' || value.op === 'minimum') {
        const bound = value.operands.findIndex((operand) => isNumber(kernel.values[operand]!))
        if (bound >= 0) return printBound(value.op, operands[1 - bound]!, operands[bound]!)
      }
      return printOperation(value.op, value.operandType, value.dtype, operands)
    }
    case 'reduction':
      throw new Error('internal: emit: a reduction is printed by its stage')
  }
}

function printLoad(address: string, stride: Size, copy: number): string {
  if (stride === 0) return `v128.load32_splat(${address})`
  if (stride === 1) return copy === 0 ? `v128.load(${address})` : `v128.load(${address}, ${16 * copy})`
  const bytes = `<usize>${printSize(stride)} << 2`
  return `loadStrided4(${stridedStart(address, stride, copy)}, ${bytes})`
}

function stridedStart(address: string, stride: Size, copy: number): string {
  if (copy === 0) return address
  return `${address} + (<usize>${copy === 1 ? printSize(stride) : `(${copy} * ${printSize(stride)})`} << 4)`
}

function printStore(
  printer: Printer,
  scope: Scope,
  store: KernelStore,
  laneAxis: number | undefined,
  mode: LaneMode,
): void {
  const { lines } = printer
  const address = addressOf(scope, store.offset)
  const stride = coefficient(store.offset, laneAxis)
  const { dtype } = printer.kernel.values[store.value]!
  if (stride === 0 && laneAxis !== undefined) throw new Error('internal: emit: lanes of a store fall together')
  for (let copy = 0; copy < mode.copies; copy++) {
    let value = localOf(scope, store.value, copy)
    if (dtype === 'bool') value = `v128.and(${value}, i32x4.splat(1))`
    if (store.accumulate) value = combine('sum', dtype, printLoad(address, stride, copy), value)
    if (stride === 0) line(lines, `v128.store32_lane(${address}, ${value}, 0)`)
    else if (stride !== 1) printStridedStore(value, copy)
    else if (mode.partial) line(lines, `storePartial(${address}, ${value}, ${remaining(printer, laneAxis!)})`)
    else line(lines, copy === 0 ? `v128.store(${address}, ${value})` : `v128.store(${address}, ${value}, ${16 * copy})`)
  }

  function printStridedStore(value: string, copy: number): void {
    const count = mode.partial ? `min(4, ${remaining(printer, laneAxis!)})` : '4'
    const start = stridedStart(address, stride, copy)
    line(lines, `storeStrided4(${start}, <usize>${printSize(stride)} << 2, ${value}, ${count})`)
  }
}

function accumulator(id: number, copy: number): string {
  return `total_${id}${letter(copy)}`
}

/** Where a term was NaN. */
function flag(id: number, copy: number): string {
  return `nan_${id}${letter(copy)}`
}

function position(id: number, copy: number): string {
  return `at_${id}${letter(copy)}`
}
