/** The calls of an entry as AssemblyScript: for one thread, or for several that share them and meet after each. */
import type { ConvolutionAxis } from '../5-fuse/convolution.ts'
import type {
  AttentionCall,
  Call,
  ConvolutionCall,
  IndexedCall,
  KernelCall,
  LoopCall,
  PackCall,
  Panels,
  Place,
  PoolingAxis,
  PoolingCall,
  ProductCall,
  Program,
  SequentialCall,
} from '../5-fuse/program.ts'
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import { type Dim, multiply, product } from '../dimensions/dimension.ts'
import { block, type Lines, line } from './lines.ts'
import { printDimension } from './print-dimension.ts'
import { floatLiteral } from './print-operation.ts'
import { groupCalls, type ThreadPlan } from './thread-plan.ts'

export interface CallPrinter {
  readonly program: Program
  readonly lines: Lines
  /** Where the sizes of dimensions and the counters of loops are, by name. */
  readonly locals: ReadonlyMap<string, string>
  /** The number a profiling build reports after a call. */
  readonly marks?: ReadonlyMap<Call, number>
  /** Of a module for several threads. */
  readonly threads?: ThreadPlan
  /** Whether all threads are here, each to do its share. */
  readonly together: boolean
}

export function printCalls(printer: CallPrinter, calls: readonly Call[]): void {
  for (let first = 0; first < calls.length; ) {
    const condition = conditionOf(printer, calls[first]!)
    let end = first + 1
    while (end < calls.length && conditionOf(printer, calls[end]!) === condition) end++
    const stretch = calls.slice(first, end)
    if (condition === undefined) printStretch(printer, stretch)
    else {
      block(printer.lines, `if (${condition})`, () => printStretch(printer, stretch, true))
      // Outside: what comes next, the next entry too, may write over the condition, which all threads must have read.
      if (printer.threads && printer.together) line(printer.lines, 'barrier()')
    }
    first = end
  }
}

function conditionOf(printer: CallPrinter, { when }: Call): string | undefined {
  return when && `load<i32>(${place(printer, when)}) != 0`
}

/** Calls that run on the same condition. `metAfter`: whether the threads meet after the last of them anyway. */
function printStretch(printer: CallPrinter, calls: readonly Call[], metAfter = false): void {
  const { threads, together, lines } = printer
  if (!threads || !together) {
    for (const call of calls) printCall(printer, call)
    return
  }
  const groups = groupCalls(threads, calls)
  for (const group of groups) {
    const meet = (): void => {
      if (!metAfter || group !== groups.at(-1)) line(lines, 'barrier()')
    }
    if (group.kind === 'loop') block(lines, '', () => printLoop(printer, group.call))
    else if (group.kind === 'shared') {
      printCall(printer, group.call)
      meet()
    } else {
      for (const call of group.calls) if (call.kind === 'pack') printWorth(printer, call)
      block(lines, 'if (thread == 0)', () => {
        for (const call of group.calls) printCall({ ...printer, together: false }, call, true)
      })
      meet()
    }
  }
}

/** `declared`: whether the pointers to packed panels are declared already. */
function printCall(printer: CallPrinter, call: Call, declared = false): void {
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
    case 'attention':
    case 'attention_gradient':
      printAttention(printer, call)
      break
    case 'pack': {
      const sizes = [call.n, call.k, call.bRow, call.bColumn].map((dim) => size(printer, dim))
      const panels = panelsOf(printer, call.panels)
      const packs = `packPanels(${[panels, place(printer, call.b), ...sizes].join(', ')})`
      if (!declared) printWorth(printer, call)
      line(printer.lines, call.panels.worth.length > 0 ? `if (${panels}) ${packs}` : packs)
      break
    }
    case 'filters': {
      const counts = [call.groups, call.filters, call.channels, ...call.strides].map((dim) => size(printer, dim))
      const values = [name(printer, call.target), place(printer, call.w), ...counts, ...call.dilations]
      line(printer.lines, `winogradFilters(${values.join(', ')})`)
      break
    }
    case 'gather':
    case 'scatter_add':
      printIndexed(printer, call)
      break
    case 'argsort':
    case 'cumsum':
      printSequential(printer, call)
      break
    case 'copy': {
      const bytes = `<usize>(${size(printer, call.elements)}) << 2`
      line(printer.lines, `memory.copy(${name(printer, call.target)}, ${name(printer, call.source)}, ${bytes})`)
      break
    }
    case 'loop':
      block(printer.lines, '', () => printLoop(printer, call))
  }
  if (printer.marks) line(printer.lines, `mark(${printer.marks.get(call)})`)
}

/** The pointer to packed panels, where packing may not be worth it. */
function printWorth(printer: CallPrinter, { panels }: PackCall): void {
  if (panels.worth.length === 0) return
  const conditions = conditionsOf(printer, panels.worth)
  const start = name(printer, panels.buffer)
  line(printer.lines, `const ${panelsOf(printer, panels)}: usize = ${conditions.join(' && ')} ? ${start} : 0`)
}

/** That all of these exceed one. */
export function conditionsOf(printer: CallPrinter, worth: readonly Dim[]): string[] {
  return worth.map((dim) => `${grouped(size(printer, dim))} > 1`)
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
    printCalls(printer, call.body)
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
    const moving = `load<f32>(${place(printer, until.moved)}) > ${floatLiteral(until.tolerance)}`
    if (printer.together) {
      // All threads have read it before the next step writes it.
      line(lines, `const moving = ${moving}`)
      line(lines, 'barrier()')
      line(lines, 'if (!moving) break')
    } else line(lines, `if (!(${moving})) break`)
  })
  const ends: string[] = []
  if (until?.steps) ends.push(`store<i32>(${place(printer, until.steps)}, ${steps})`)
  for (const move of pointers) {
    if (move.kind !== 'swap' || move.elements === undefined) continue
    const [home, now] = [place(printer, move.home), name(printer, move.now)]
    ends.push(`if (${now} != ${home}) memory.copy(${home}, ${now}, ${size(outside, multiply(4, move.elements))})`)
  }
  if (!printer.together) for (const end of ends) line(lines, end)
  else if (ends.length > 0) {
    block(lines, 'if (thread == 0)', () => {
      for (const end of ends) line(lines, end)
    })
    line(lines, 'barrier()')
  }
}

function printKernelCall(printer: CallPrinter, call: KernelCall): void {
  const kernel = printer.program.kernels[call.kernel]!
  const values = [
    ...call.places.map((argument) => place(printer, argument)),
    ...call.sizes.map((dim) => size(printer, dim)),
  ]
  const partition = printer.threads?.partitions[call.kernel]
  if (partition) {
    const { extent } = kernel.axes[partition.axis]!
    const whole = typeof extent === 'number' ? String(extent) : size(printer, call.sizes[extent.parameter]!)
    if (printer.together) {
      printShare(printer, call, whole, partition.unit, () =>
        line(printer.lines, `${kernel.name}(${[...values, 'partStart', 'partEnd'].join(', ')})`),
      )
      return
    }
    values.push('0', whole)
  }
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
  const repeated = again.length === 0 ? 'false' : `(${again.join(' | ')}) != 0`
  const unless = call.accumulate?.unless
  const onto = unless && `load<i32>(${place(printer, unless)}) == 0`
  const accumulate = onto ? (again.length === 0 ? onto : `${onto} || ${repeated}`) : call.accumulate ? 'true' : repeated
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
  // Threads share the outer loop where each index has its own part of c and there are enough, else each product.
  const [outer] = call.loops
  const byLoop = printer.together && outer !== undefined && outer.c !== 0
  const print = (product: string, memory: readonly string[], range: readonly string[]): void => {
    const values = [pointer('c'), pointer('a'), pointer('b'), ...sizes, accumulate, ...memory]
    if (call.panels) values.push(panelsOf(printer, call.panels))
    const nest = (level: number): void => {
      const loop = call.loops[level]
      const index = `j${level}`
      if (!loop) line(lines, `${product}(${values.join(', ')})`)
      else {
        const extent = size(printer, loop.extent)
        const end = maybeEmpty.includes(loop) ? `max(1, ${extent})` : extent
        const [from, to] = level === 0 && range.length > 0 ? range : ['0', end]
        block(lines, `for (let ${index}: i32 = ${from}; ${index} < ${to}; ${index}++)`, () => nest(level + 1))
      }
    }
    nest(0)
  }
  if (!printer.together) {
    print('matmul', [scratch], [])
    return
  }
  // Products that add to one result follow each other without a barrier, so each thread keeps to its own part.
  const parts = call.loops.length > 0 ? 0 : printer.threads!.partsOf(call)
  const shared = (): void => print('matmulShare', [String(parts), scratch], [])
  if (!byLoop) shared()
  else {
    const extent = size(printer, outer.extent)
    block(lines, `if (${grouped(extent)} >= active)`, () =>
      printShare(printer, call, extent, 1, () => print('matmul', [`own(${scratch})`], ['partStart', 'partEnd'])),
    )
    block(lines, 'else', shared)
  }
}

function printConvolution(printer: CallPrinter, call: ConvolutionCall): void {
  const { batch, groups, filters } = call
  const split = printer.together ? printer.threads!.splitOf(call) : undefined
  const moved = (start: Place, stride: Dim): string => {
    const at = place(printer, start)
    return stride === 0 ? at : `${at} + (<usize>(partStart * ${grouped(size(printer, stride))}) << 2)`
  }
  const scratch = name(printer, call.scratch)
  const counts = { batch: size(printer, batch), groups: size(printer, groups), filters: size(printer, filters) }
  const own = { ...counts, ...(split && { [split.axis]: 'partEnd - partStart' }) }
  const { pooled } = call
  const rows = [
    [
      moved(call.y, split?.y ?? 0),
      moved(call.x, split?.x ?? 0),
      ...(pooled ? [place(printer, pooled.input), place(printer, pooled.largest)] : []),
      moved(call.w, split?.w ?? 0),
      printer.together ? `own(${scratch})` : scratch,
    ].join(', '),
    ...extentsOf(printer, call, own, split ? 'partStart' : '0'),
  ]
  if (call.prepared !== undefined) {
    // Parts that have but some of the filters have other panels.
    const start = name(printer, call.prepared)
    rows.push(split && split.axis !== 'batch' ? `active == 1 ? ${start} : 0` : start)
  }
  const print = (): void => {
    line(printer.lines, `${functionOf(call)}(`)
    for (const row of rows) line(printer.lines, `  ${row},`)
    line(printer.lines, ')')
  }
  if (!split) print()
  else printShare(printer, call, counts[split.axis], split.unit, print)
}

function functionOf({ method, large }: ConvolutionCall): string {
  if (method.kind === 'pooled') return 'pooledGradient'
  return `${method.kind === 'product' ? 'convolve' : method.kind}${large ? 'Large' : ''}`
}

/** The counts, strides and extents of a convolution, in rows of arguments; a thread begins at filter `first` of those of a pooling. */
function extentsOf(
  printer: CallPrinter,
  { large, pools, prepared, channels, strides, axes, method }: ConvolutionCall,
  { batch, groups, filters }: { readonly batch: string; readonly groups: string; readonly filters: string },
  first: string,
): string[] {
  const { y, x, w } = strides
  const sizes = (dims: readonly (Dim | undefined)[]): string => dims.map((dim) => size(printer, dim!)).join(', ')
  const each = (of: (axis: ConvolutionAxis) => Dim, from = 0): string => sizes(axes.slice(from).map(of))
  const counts = [batch, groups, filters, size(printer, channels)].join(', ')
  if (method.kind === 'pooled') {
    const { axes: pool, planes } = method
    const own = (of: (axis: PoolingAxis) => Dim): string => sizes(pool.slice(1).map(of))
    const begin = first === '0' || planes.filter === 1 ? first : `${first} * ${planes.filter}`
    return [
      [size(printer, channels), groups, filters, batch].join(', '),
      sizes([y[1], y[2], y[0], x[2], x[1], x[0]]),
      [begin, planes.image, planes.group, planes.filter].join(', '),
      [each(({ result }) => result, 1), each(({ input }) => input, 1), each(({ filter }) => filter, 1)].join(', '),
      [each(({ low }) => low, 1), each(({ filterDilation }) => filterDilation, 1)].join(', '),
      [own(({ result }) => result), own(({ window }) => window), own(({ stride }) => stride)].join(', '),
      [own(({ low }) => low), own(({ dilation }) => dilation)].join(', '),
    ]
  }
  if (method.kind === 'winograd') {
    const tiled = each(({ filter, result }) => (large ? filter : result), 1)
    const steps = large ? [] : [each(({ filterDilation }) => filterDilation, 1)]
    const extents = [
      tiled,
      each(({ input }) => input, 1),
      each(({ low }) => low, 1),
      ...steps,
      method.rows,
      ...(pools || prepared !== undefined ? [pools] : []),
    ]
    return [counts, sizes([...y, ...x, ...w]), extents.join(', ')]
  }
  const rows = [
    [each(({ result }) => result), each(({ input }) => input), each(({ filter }) => filter)].join(', '),
    [each(({ stride }) => stride), each(({ low }) => low)].join(', '),
    [each(({ inputDilation }) => inputDilation), each(({ filterDilation }) => filterDilation)].join(', '),
  ]
  if (method.kind === 'product') return [counts, sizes([...y, ...x, ...w]), ...rows, ...(pools ? ['true'] : [])]
  return large
    ? [[groups, size(printer, channels)].join(', '), sizes([y[1], x[1], x[2], w[0], w[2]]), ...rows]
    : [[batch, groups].join(', '), sizes([y[0], y[1], x[0], x[1], w[0]]), ...rows]
}

/** A loop over the parts of a call this thread comes to do, `partStart` … `partEnd`. */
function printShare(printer: CallPrinter, call: Call, extent: string, unit: number, body: () => void): void {
  block(printer.lines, `while (claim(${extent}, ${unit}, ${printer.threads!.partsOf(call)}))`, body)
}

function printPooling(printer: CallPrinter, call: PoolingCall): void {
  const { axes } = call
  const each = (of: (axis: (typeof axes)[number]) => Dim): string =>
    axes.map((axis) => size(printer, of(axis))).join(', ')
  const forward = call.kind === 'pool_max'
  const planes = [call.target, ...call.sources]
  const print = (count: string, pointers: readonly string[]): void => {
    const values = [
      ...pointers,
      ...[count, each(({ result }) => result), each(({ input }) => input)],
      ...[each(({ window }) => window), each(({ stride }) => stride), each(({ low }) => low)],
      each(({ dilation }) => dilation),
    ]
    line(printer.lines, `${forward ? 'poolMax' : 'poolMaxGradient'}(${values.join(', ')})`)
  }
  const count = size(printer, call.count)
  if (!printer.together) {
    print(
      count,
      planes.map((own) => place(printer, own)),
    )
    return
  }
  // Results and their cotangents have one size, the input and its gradient the other.
  const [result, input] = [axes.map((axis) => axis.result), axes.map((axis) => axis.input)].map((dims) =>
    grouped(size(printer, dims.reduce(multiply))),
  )
  const steps = forward ? [result, input] : [input, input, result, result]
  printShare(printer, call, count, 1, () =>
    print(
      'partEnd - partStart',
      planes.map((own, at) => `${place(printer, own)} + (<usize>(partStart * ${steps[at]}) << 2)`),
    ),
  )
}

function printAttention(printer: CallPrinter, call: AttentionCall): void {
  const { b, g, r, t, s, e, f } = call.sizes
  const { q, k, v, bias } = call.strides
  const at = (start: Place | undefined): string => (start ? place(printer, start) : '0')
  const sizes = (dims: readonly Dim[]): string => dims.map((dim) => size(printer, dim)).join(', ')
  const scratch = name(printer, call.scratch)
  const forward = call.kind === 'attention'
  const pointers = [...call.targets, ...(forward ? [] : [call.slopes]), call.kept, ...call.sources, call.bias]
  const heads = size(printer, product([b, g, ...(forward ? [r] : [])]))
  const extent = forward ? `attentionUnits(${heads}, ${sizes([t, s])})` : heads
  const print = (range: string, memory: string): void => {
    const rows = [
      `${range}, ${pointers.map(at).join(', ')}`,
      memory,
      `${sizes([g, r, t, s, e, f])}, ${floatLiteral(call.scale)}, ${size(printer, call.reach)}`,
      sizes([...q, ...k, ...v, ...bias, ...call.rows]),
    ]
    line(printer.lines, `${forward ? 'attention' : 'attentionGradient'}(`)
    for (const row of rows) line(printer.lines, `  ${row},`)
    line(printer.lines, ')')
  }
  if (printer.together) printShare(printer, call, extent, 1, () => print('partStart, partEnd', `own(${scratch})`))
  else print(`0, ${extent}`, scratch)
}

function printIndexed(printer: CallPrinter, call: IndexedCall): void {
  const { program, lines } = printer
  const picked = multiply(call.count, call.rowElements)
  const table = multiply(call.tableRows, call.rowElements)
  const [targetStep, sourceStep] = call.kind === 'gather' ? [picked, table] : [table, picked]
  if (printer.together) {
    printShare(printer, call, size(printer, call.count), 1, () => {
      const row = grouped(size(printer, call.rowElements))
      const places = [
        `${place(printer, call.target)} + (<usize>(partStart * ${row}) << 2)`,
        place(printer, call.source),
        `${place(printer, call.indices)} + (<usize>partStart << 2)`,
      ]
      line(lines, `gatherRows(${[...places, 'partEnd - partStart', row].join(', ')})`)
    })
    return
  }
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

function printSequential(printer: CallPrinter, call: SequentialCall): void {
  const pointers = [place(printer, call.target), place(printer, call.source)]
  const [rows, length] = [size(printer, call.rows), size(printer, call.length)]
  const integer = call.dtype === 'i32'
  if (call.kind === 'cumsum') {
    const values = [...pointers, rows, length, call.backwards]
    line(printer.lines, `cumulativeSum${integer ? 'Integer' : ''}(${values.join(', ')})`)
    return
  }
  if (call.scratch === undefined) throw new Error('internal: emit: argsort has no space to sort in')
  const values = [name(printer, call.scratch), rows, length, size(printer, call.count), call.backwards, !integer]
  line(printer.lines, `argsort(${[...pointers, ...values].join(', ')})`)
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
function panelsOf(printer: CallPrinter, { buffer, worth, prepared }: Panels): string {
  if (prepared && worth.length > 0) return `${conditionsOf(printer, worth).join(' && ')} ? ${name(printer, buffer)} : 0`
  return worth.length > 0 ? `packed_${name(printer, buffer)}` : name(printer, buffer)
}

function grouped(text: string): string {
  return /^\w+$/.test(text) ? text : `(${text})`
}
