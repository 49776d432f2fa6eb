/** What is defined so far while a kernel is printed: locals for values, and addresses advanced axis by axis. */
import type { IndexMap, Kernel, KernelStage } from '../5-fuse/program.ts'
import { accesses } from './kernel-dataflow.ts'
import { type Lines, line } from './lines.ts'
import { coefficient, printSize, variable } from './print-index.ts'

export interface Scope {
  /** Value → its local for each copy. */
  readonly locals: Map<number, readonly string[]>
  /** Access → the local that holds its address so far. */
  readonly addresses: Map<IndexMap, string>
  /** Address expression → the local that holds it. */
  readonly known: Map<string, string>
}

export interface Printer {
  readonly kernel: Kernel
  readonly lines: Lines
  /** Value → the axes it varies along. */
  readonly dependencies: readonly ReadonlySet<number>[]
  /** Value → the values it needs, itself included, ascending; per stage. */
  readonly needed: readonly (readonly number[])[]
  addressCount: number
  /** The axis of which the function does a part, if it does not do all. */
  readonly shared?: number
}

export function nested(scope: Scope): Scope {
  return { locals: new Map(scope.locals), addresses: new Map(scope.addresses), known: new Map(scope.known) }
}

export function localOf(scope: Scope, id: number, copy: number): string {
  const locals = scope.locals.get(id)
  if (!locals) throw new Error(`internal: emit: value ${id} is used before it is defined`)
  return locals[copy] ?? locals[0]!
}

export function addressOf(scope: Scope, access: IndexMap): string {
  return scope.addresses.get(access)!
}

/** Addresses before any loop. */
export function startAddresses(printer: Printer, scope: Scope): void {
  for (const { buffer, offset } of accesses(printer.kernel, printer.kernel.stages)) {
    if (offset.constant === 0) scope.addresses.set(offset, `p${buffer}`)
    else defineAddress(printer, scope, offset, `p${buffer} + (<usize>${printSize(offset.constant)} << 2)`)
  }
}

/** Moves the addresses of some stages along an axis, inside its loop. */
export function advanceAddresses(printer: Printer, scope: Scope, axis: number, stages: readonly KernelStage[]): void {
  for (const { offset } of accesses(printer.kernel, stages)) {
    const factor = coefficient(offset, axis)
    if (factor === 0) continue
    const index = factor === 1 ? variable(axis) : `(${variable(axis)} * ${printSize(factor)})`
    defineAddress(printer, scope, offset, `${addressOf(scope, offset)} + (<usize>${index} << 2)`)
  }
}

function defineAddress(printer: Printer, scope: Scope, access: IndexMap, text: string): void {
  let local = scope.known.get(text)
  if (local === undefined) {
    local = `a${printer.addressCount++}`
    line(printer.lines, `const ${local}: usize = ${text}`)
    scope.known.set(text, local)
  }
  scope.addresses.set(access, local)
}

/** How many elements of an axis are left. */
export function remaining(printer: Printer, axis: number): string {
  return `${printSize(printer.kernel.axes[axis]!.extent)} - ${variable(axis)}`
}
