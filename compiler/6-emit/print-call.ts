/** One call of an entry as AssemblyScript. */
import type {
  Call,
  ConvolutionCall,
  IndexedCall,
  KernelCall,
  Place,
  PoolingCall,
  ProductCall,
  Program,
} from '../5-fuse/program.ts'
import { type Dim, multiply } from '../dimensions/dimension.ts'
import { block, type Lines, line } from './lines.ts'

export interface CallPrinter {
  readonly program: Program
  readonly lines: Lines
  size(dim: Dim): string
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
    case 'gather':
    case 'scatter_add':
      printIndexed(printer, call)
      break
    case 'copy': {
      const bytes = `<usize>(${printer.size(call.elements)}) << 2`
      line(printer.lines, `memory.copy(${name(printer, call.target)}, ${name(printer, call.source)}, ${bytes})`)
    }
  }
}

function printKernelCall(printer: CallPrinter, call: KernelCall): void {
  const kernel = printer.program.kernels[call.kernel]!
  const values = [...call.buffers.map((buffer) => name(printer, buffer)), ...call.sizes.map(printer.size)]
  line(printer.lines, `${kernel.name}(${values.join(', ')})`)
}

function printProduct(printer: CallPrinter, call: ProductCall): void {
  const { lines, size } = printer
  const pointer = (side: 'a' | 'b' | 'c'): string => {
    const moving = call.loops.flatMap((loop, at) =>
      loop[side] === 0 ? [] : [loop[side] === 1 ? `j${at}` : `j${at} * ${grouped(size(loop[side]))}`],
    )
    const start = place(printer, call[side])
    return moving.length === 0 ? start : `${start} + (<usize>(${moving.join(' + ')}) << 2)`
  }
  const again = call.loops.flatMap((loop, at) => (loop.c === 0 ? [`j${at}`] : []))
  const accumulate = again.length === 0 ? 'false' : `(${again.join(' | ')}) != 0`
  const sizes = [call.m, call.n, call.k, call.aRow, call.aColumn, call.bRow, call.bColumn, call.cRow].map(size)
  const scratch = call.scratch === undefined ? '0' : name(printer, call.scratch)
  const values = [pointer('c'), pointer('a'), pointer('b'), ...sizes, accumulate, scratch]
  const nest = (depth: number): void => {
    const loop = call.loops[depth]
    const index = `j${depth}`
    if (!loop) line(lines, `matmul(${values.join(', ')})`)
    else block(lines, `for (let ${index}: i32 = 0; ${index} < ${size(loop.extent)}; ${index}++)`, () => nest(depth + 1))
  }
  nest(0)
}

function printConvolution(printer: CallPrinter, call: ConvolutionCall): void {
  const { batch, groups, filters, channels, strides, axes } = call
  const each = (of: (axis: (typeof axes)[number]) => Dim): string => axes.map(of).map(printer.size).join(', ')
  const lists = [
    [...[call.y, call.x, call.w].map((own) => place(printer, own)), name(printer, call.scratch)].join(', '),
    [batch, groups, filters, channels].map(printer.size).join(', '),
    [strides.y, strides.x, strides.w].flat().map(printer.size).join(', '),
    [each(({ result }) => result), each(({ input }) => input), each(({ filter }) => filter)].join(', '),
    [each(({ stride }) => stride), each(({ low }) => low)].join(', '),
    [each(({ inputDilation }) => inputDilation), each(({ filterDilation }) => filterDilation)].join(', '),
  ]
  line(printer.lines, `${call.large ? 'convolveLarge' : 'convolve'}(`)
  for (const list of lists) line(printer.lines, `  ${list},`)
  line(printer.lines, ')')
}

function printPooling(printer: CallPrinter, call: PoolingCall): void {
  const { axes } = call
  const each = (of: (axis: (typeof axes)[number]) => Dim): string => axes.map(of).map(printer.size).join(', ')
  const values = [
    ...[call.target, ...call.sources].map((own) => place(printer, own)),
    ...[printer.size(call.count), each(({ result }) => result), each(({ input }) => input)],
    ...[each(({ window }) => window), each(({ stride }) => stride), each(({ low }) => low)],
    each(({ dilation }) => dilation),
  ]
  line(printer.lines, `${call.kind === 'pool_max' ? 'poolMax' : 'poolMaxGradient'}(${values.join(', ')})`)
}

function printIndexed(printer: CallPrinter, call: IndexedCall): void {
  const { program, lines, size } = printer
  const picked = multiply(call.count, call.rowElements)
  const table = multiply(call.tableRows, call.rowElements)
  const [targetStep, sourceStep] = call.kind === 'gather' ? [picked, table] : [table, picked]
  const scatter = program.buffers[call.target.buffer]!.type.dtype === 'i32' ? 'scatterAddRowsInteger' : 'scatterAddRows'
  const rows = (target: string, source: string): void => {
    const values = [target, source, place(printer, call.indices), size(call.count), size(call.rowElements)]
    if (call.kind === 'gather') line(lines, `gatherRows(${values.join(', ')})`)
    else line(lines, `${scatter}(${[...values, size(call.tableRows)].join(', ')})`)
  }
  if (call.outer === 1) {
    rows(place(printer, call.target), place(printer, call.source))
    return
  }
  block(lines, `for (let j: i32 = 0; j < ${size(call.outer)}; j++)`, () => {
    const at = (start: Place, step: Dim): string =>
      `${place(printer, start)} + (<usize>(j * ${grouped(size(step))}) << 2)`
    rows(at(call.target, targetStep), at(call.source, sourceStep))
  })
}

function place(printer: CallPrinter, { buffer, elements }: Place): string {
  const start = name(printer, buffer)
  return elements === 0 ? start : `${start} + (<usize>(${printer.size(elements)}) << 2)`
}

function name(printer: CallPrinter, buffer: number): string {
  return printer.program.buffers[buffer]!.name
}

function grouped(text: string): string {
  return /^\w+$/.test(text) ? text : `(${text})`
}
