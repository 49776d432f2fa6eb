/** One call of an entry as AssemblyScript. */
import type {
  Call,
  ConvolutionCall,
  IndexedCall,
  KernelCall,
  LoopCall,
  Panels,
  Place,
  PoolingCall,
  ProductCall,
  Program,
} from '../5-fuse/program.ts'
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import { type Dim, multiply } from '../dimensions/dimension.ts'
import { block, type Lines, line } from './lines.ts'
import { printDimension } from './print-dimension.ts'
import { floatLiteral } from './print-operation.ts'

export interface CallPrinter {
  readonly program: Program
  readonly lines: Lines
  /** Where the sizes of dimensions and the counters of loops are, by name. */
  readonly locals: ReadonlyMap<string, string>
}

export function printCall(printer: CallPrinter, call: Call): void {
  line(printer.lines, `// ${call.title}`)
  switch (call.kind) {
    case 'kernel':
      printKernelCall(printer, call)
      break
    case 'product':
      printProduct(printer, call)
      break
    case 'convolution':
      printConvolution(printer, call)
      break
    case 'pool_max':
    case 'pool_max_gradient':
      printPooling(printer, call)
      break
    case 'pack': {
      const sizes = [call.n, call.k, call.bRow, call.bColumn].map((dim) => size(printer, dim))
      const panels = panelsOf(printer, call.panels)
      const { buffer, worth } = call.panels
      const conditions = worth.map((dim) => `${grouped(size(printer, dim))} > 1`)
      const packs = `packPanels(${[panels, place(printer, call.b), ...sizes].join(', ')})`
      if (worth.length > 0) {
        line(printer.lines, `const ${panels}: usize = ${conditions.join(' && ')} ? ${name(printer, buffer)} : 0`)
        line(printer.lines, `if (${panels}) ${packs}`)
      } else line(printer.lines, packs)
      break
    }
    case 'gather':
    case 'scatter_add':
      printIndexed(printer, call)
      break
    case 'copy': {
      const bytes = `<usize>(${size(printer, call.elements)}) << 2`
      line(printer.lines, `memory.copy(${name(printer, call.target)}, ${name(printer, call.source)}, ${bytes})`)
      break
    }
    case 'loop':
      block(printer.lines, '', () => printLoop(printer, call))
  }
}

/** In a block of its own, so that its pointers are seen by nothing else. */
function printLoop(outside: CallPrinter, call: LoopCall): void {
  const { lines } = outside
  const { counter, count, reverse, pointers, until } = call
  const at = `at${counter.slice(1)}`
  const printer: CallPrinter = { ...outside, locals: new Map(outside.locals).set(counter, at) }
  for (const move of pointers) {
    line(
      lines,
      `let ${name(printer, move.now)}: usize = ${place(printer, move.kind === 'swap' ? move.home : move.first)}`,
    )
    if (move.kind === 'swap') line(lines, `let ${name(printer, move.next)}: usize = ${place(printer, move.other)}`)
  }
  const end = size(outside, count)
  const header = reverse
    ? `let ${at}: i32 = ${end} - 1; ${at} >= 0; ${at}--`
    : `let ${at}: i32 = 0; ${at} < ${end}; ${at}++`
  const steps = `steps${counter.slice(1)}`
  if (until) line(lines, `let ${steps}: i32 = 0`)
  block(lines, `for (${header})`, () => {
    for (const inner of call.body) printCall(printer, inner)
    for (const move of pointers) {
      const now = name(printer, move.now)
      if (move.kind === 'follow') {
        line(lines, `${now} = ${place(printer, move.next)}`)
        continue
      }
      const next = name(printer, move.next)
      line(lines, `const last_${now} = ${now}`)
      line(lines, `${now} = ${next}`)
      line(lines, `${next} = last_${now}`)
    }
    if (!until) return
    line(lines, `${steps}++`)
    line(lines, `if (!(load<f32>(${place(printer, until.moved)}) > ${floatLiteral(until.tolerance)})) break`)
  })
  if (until?.steps) line(lines, `store<i32>(${place(printer, until.steps)}, ${steps})`)
  for (const move of pointers) {
    if (move.kind !== 'swap' || move.elements === undefined) continue
    const [home, now] = [place(printer, move.home), name(printer, move.now)]
    line(lines, `if (${now} != ${home}) memory.copy(${home}, ${now}, ${size(outside, multiply(4, move.elements))})`)
  }
}

function printKernelCall(printer: CallPrinter, call: KernelCall): void {
  const kernel = printer.program.kernels[call.kernel]!
  const values = [
    ...call.places.map((argument) => place(printer, argument)),
    ...call.sizes.map((dim) => size(printer, dim)),
  ]
  line(printer.lines, `${kernel.name}(${values.join(', ')})`)
}

function printProduct(printer: CallPrinter, call: ProductCall): void {
  const { lines } = printer
  const pointer = (side: 'a' | 'b' | 'c'): string => {
    const moving = call.loops.flatMap((loop, at) =>
      loop[side] === 0 ? [] : [loop[side] === 1 ? `j${at}` : `j${at} * ${grouped(size(printer, loop[side]))}`],
    )
    const start = place(printer, call[side])
    return moving.length === 0 ? start : `${start} + (<usize>(${moving.join(' + ')}) << 2)`
  }
  const again = call.loops.flatMap((loop, at) => (loop.c === 0 ? [`j${at}`] : []))
  const accumulate = again.length === 0 ? 'false' : `(${again.join(' | ')}) != 0`
  // Where a sum may have no terms, the product still runs once around it, with k = 0, to write the zeros.
  const maybeEmpty = call.loops.filter(({ c, extent }) => c === 0 && boundsOf(extent, rangesOf(printer)).minimum < 1)
  const isEmpty = maybeEmpty.map(({ extent }) => `${grouped(size(printer, extent))} == 0`).join(' || ')
  const depth = size(printer, call.k)
  const strides = [call.aRow, call.aColumn, call.bRow, call.bColumn, call.cRow]
  const sizes = [
    ...[call.m, call.n].map((dim) => size(printer, dim)),
    isEmpty === '' ? depth : `${isEmpty} ? 0 : ${depth}`,
    ...strides.map((dim) => size(printer, dim)),
  ]
  const scratch = call.scratch === undefined ? '0' : name(printer, call.scratch)
  const values = [pointer('c'), pointer('a'), pointer('b'), ...sizes, accumulate, scratch]
  if (call.panels) values.push(panelsOf(printer, call.panels))
  const nest = (depth: number): void => {
    const loop = call.loops[depth]
    const index = `j${depth}`
    if (!loop) line(lines, `matmul(${values.join(', ')})`)
    else {
      const extent = size(printer, loop.extent)
      const end = maybeEmpty.includes(loop) ? `max(1, ${extent})` : extent
      block(lines, `for (let ${index}: i32 = 0; ${index} < ${end}; ${index}++)`, () => nest(depth + 1))
    }
  }
  nest(0)
}

function printConvolution(printer: CallPrinter, call: ConvolutionCall): void {
  const { batch, groups, filters, channels, strides, axes } = call
  const list = (dims: readonly Dim[]): string => dims.map((dim) => size(printer, dim)).join(', ')
  const each = (of: (axis: (typeof axes)[number]) => Dim): string => list(axes.map(of))
  const rows = [
    [...[call.y, call.x, call.w].map((own) => place(printer, own)), name(printer, call.scratch)].join(', '),
    list([batch, groups, filters, channels]),
    list([...strides.y, ...strides.x, ...strides.w]),
    [each(({ result }) => result), each(({ input }) => input), each(({ filter }) => filter)].join(', '),
    [each(({ stride }) => stride), each(({ low }) => low)].join(', '),
    [each(({ inputDilation }) => inputDilation), each(({ filterDilation }) => filterDilation)].join(', '),
  ]
  line(printer.lines, `${call.large ? 'convolveLarge' : 'convolve'}(`)
  for (const row of rows) line(printer.lines, `  ${row},`)
  line(printer.lines, ')')
}

function printPooling(printer: CallPrinter, call: PoolingCall): void {
  const { axes } = call
  const each = (of: (axis: (typeof axes)[number]) => Dim): string =>
    axes.map((axis) => size(printer, of(axis))).join(', ')
  const values = [
    ...[call.target, ...call.sources].map((own) => place(printer, own)),
    ...[size(printer, call.count), each(({ result }) => result), each(({ input }) => input)],
    ...[each(({ window }) => window), each(({ stride }) => stride), each(({ low }) => low)],
    each(({ dilation }) => dilation),
  ]
  line(printer.lines, `${call.kind === 'pool_max' ? 'poolMax' : 'poolMaxGradient'}(${values.join(', ')})`)
}

function printIndexed(printer: CallPrinter, call: IndexedCall): void {
  const { program, lines } = printer
  const picked = multiply(call.count, call.rowElements)
  const table = multiply(call.tableRows, call.rowElements)
  const [targetStep, sourceStep] = call.kind === 'gather' ? [picked, table] : [table, picked]
  const scatter = program.buffers[call.target.buffer]!.type.dtype === 'i32' ? 'scatterAddRowsInteger' : 'scatterAddRows'
  const rows = (target: string, source: string): void => {
    const values = [
      target,
      source,
      place(printer, call.indices),
      size(printer, call.count),
      size(printer, call.rowElements),
    ]
    if (call.kind === 'gather') line(lines, `gatherRows(${values.join(', ')})`)
    else line(lines, `${scatter}(${[...values, size(printer, call.tableRows)].join(', ')})`)
  }
  if (call.outer === 1) {
    rows(place(printer, call.target), place(printer, call.source))
    return
  }
  block(lines, `for (let j: i32 = 0; j < ${size(printer, call.outer)}; j++)`, () => {
    const at = (start: Place, step: Dim): string =>
      `${place(printer, start)} + (<usize>(j * ${grouped(size(printer, step))}) << 2)`
    rows(at(call.target, targetStep), at(call.source, sourceStep))
  })
}

function place(printer: CallPrinter, { buffer, elements }: Place): string {
  const start = name(printer, buffer)
  return elements === 0 ? start : `${start} + (<usize>(${size(printer, elements)}) << 2)`
}

function size({ locals }: CallPrinter, dim: Dim): string {
  return printDimension(dim, (name) => {
    const local = locals.get(name)
    if (local === undefined) throw new Error(`internal: emit: the dimension ${name} is not known here`)
    return local
  })
}

/** The ranges of run-time dimensions; the counters of loops count as unknown. */
function rangesOf({ program }: CallPrinter): Readonly<Record<string, DimRange>> {
  return Object.fromEntries(program.entries.flatMap((entry) => entry.dims.map((dim) => [dim.name, dim])))
}

function name(printer: CallPrinter, buffer: number): string {
  return printer.program.buffers[buffer]!.name
}

/** The pointer to packed panels, 0 where it was not worth it. */
function panelsOf(printer: CallPrinter, { buffer, worth }: Panels): string {
  return worth.length > 0 ? `packed_${name(printer, buffer)}` : name(printer, buffer)
}

function grouped(text: string): string {
  return /^\w+$/.test(text) ? text : `(${text})`
}
