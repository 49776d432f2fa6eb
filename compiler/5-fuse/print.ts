/** A program as text: memory, kernels, and the calls of each entry with their work. */
import { formatDim, formatShape } from '../dimensions/dimension.ts'
import type { Call, Kernel, KernelValue, Place, PointerMove, Program } from './program.ts'
import { formatCount } from './work.ts'

export function printProgram(program: Program): string {
  const { memory } = program
  const lines = [
    `program ${program.name}`,
    `memory ${memory.total} bytes: variables ${memory.variables}, prepared ${memory.prepared}, inputs ${memory.inputs}, outputs ${memory.outputs}, arena ${memory.arena}`,
    '',
    ...program.buffers.map(
      ({ name, kind, type, offset, bytes }) =>
        `${kind} ${name}: ${type.dtype}${formatShape(type.shape)}${kind === 'pointer' ? '' : ` at ${offset}, ${bytes} bytes`}`,
    ),
    '',
    ...program.kernels.map(printKernelLine),
  ]
  for (const entry of program.entries) {
    const dims = entry.dims.map(({ name, minimum, maximum }) => `${name} in ${minimum}..${maximum}`)
    lines.push(
      '',
      `entry ${entry.name}(${dims.join(', ')}): ${entry.kind}, arena ${entry.arenaBytes} bytes, ${entry.liveBytes} alive at once`,
    )
    for (const { preparation, worth } of entry.prepared) {
      const when = worth.length > 0 ? ` if ${worth.map((dim) => `${formatDim(dim)} > 1`).join(' and ')}` : ''
      lines.push(`  ${program.preparations[preparation]!.export}${when}`)
    }
    if (entry.outdates.length > 0)
      lines.push(`  outdates ${entry.outdates.map((own) => program.preparations[own]!.export).join(', ')}`)
    lines.push(...callLines(program, entry.calls, '  '))
  }
  for (const own of program.preparations)
    lines.push('', `${own.export} of ${[...own.variables].join(', ')}`, ...callLines(program, own.calls, '  '))
  return `${lines.join('\n')}\n`
}

function printKernelLine(kernel: Kernel): string {
  const count = (kind: KernelValue['kind']): number => kernel.values.filter((value) => value.kind === kind).length
  const stages = kernel.stages.map((stage) => `${stage.inner.length} deep`)
  return `kernel ${kernel.name}: ${kernel.class}, lanes ${kernel.lanes}, ${kernel.outer.length} outer axes, stages ${stages.join(' | ')}, ${count('load')} loads, ${count('operation')} operations, ${count('reduction')} reductions`
}

function callLines(program: Program, calls: readonly Call[], indent: string): string[] {
  return calls.flatMap((call) => [
    `${indent}${call.when ? `if ${program.buffers[call.when.buffer]!.name}: ` : ''}${callText(program, call)}`,
    ...(call.kind === 'loop' ? callLines(program, call.body, `${indent}  `) : []),
  ])
}

function callText(program: Program, call: Call): string {
  const name = (buffer: number): string => program.buffers[buffer]!.name
  const place = ({ buffer, elements }: Place): string =>
    elements === 0 ? name(buffer) : `${name(buffer)} + ${formatDim(elements)}`
  const work = `${formatCount(call.work.flops)} flops, ${formatCount(call.work.bytes)} bytes`
  const moveText = (move: PointerMove): string =>
    move.kind === 'follow'
      ? `, ${name(move.now)} from ${place(move.first)} to ${place(move.next)}`
      : `, ${name(move.now)} and ${name(move.next)} swap ${place(move.home)} and ${place(move.other)}`
  switch (call.kind) {
    case 'kernel': {
      const kernel = program.kernels[call.kernel]!
      const written = call.places.filter((_, at) => kernel.buffers[at]!.written).map(place)
      const read = call.places.filter((_, at) => !kernel.buffers[at]!.written).map(place)
      return `${written.join(', ')} = ${kernel.name}(${read.join(', ')}): ${call.title}; ${work}`
    }
    case 'product': {
      const sizes = [call.m, call.k, call.n].map(formatDim).join(' × ')
      const loops =
        call.loops.length > 0 ? ` in loops over ${call.loops.map(({ extent }) => formatDim(extent)).join(', ')}` : ''
      return `${place(call.c)} ${call.accumulate ? '+=' : '='} product(${place(call.a)}, ${place(call.b)}${call.panels === undefined ? '' : ' packed'}): ${sizes}${loops}; ${work}`
    }
    case 'convolution': {
      const axes = call.axes.filter(({ result, filter }) => result !== 1 || filter !== 1)
      const list = (of: (axis: (typeof axes)[number]) => string): string => axes.map(of).join('×')
      const about = `${list(({ result }) => formatDim(result))} results, filter ${list(({ filter }) => formatDim(filter))}`
      const channels = `${formatDim(call.channels)} → ${formatDim(call.filters)} channels`
      const by = call.method.kind === 'product' ? 'convolution' : call.method.kind
      const operands = [
        call.x,
        ...(call.prepared === undefined ? [call.w] : [{ buffer: call.prepared, elements: 0 }]),
        ...(call.pooled ? [call.pooled.input, call.pooled.largest] : []),
      ].map(place)
      return `${place(call.y)} = ${by}(${operands.join(', ')}): ${about}, ${channels}${call.pools ? ', the largest of 2×2' : ''}; ${work}`
    }
    case 'pool_max':
    case 'pool_max_gradient': {
      const windows = call.axes.filter(({ input }) => input !== 1).map(({ window }) => window)
      return `${place(call.target)} = ${call.kind}(${call.sources.map(place).join(', ')}): windows ${windows.join('×')}; ${work}`
    }
    case 'attention':
    case 'attention_gradient': {
      const { b, g, r, t, s, e, f } = call.sizes
      const operands = [...call.sources, call.slopes, call.bias].flatMap((own) => own ?? []).map(place)
      const heads = [b, g, r].map(formatDim).join('·')
      const sizes = `${heads} heads, ${formatDim(t)} queries, ${formatDim(s)} keys before ${formatDim(call.reach)}, ${formatDim(e)} and ${formatDim(f)} wide`
      const kept = call.kept ? `, probabilities at ${place(call.kept)}` : ''
      return `${call.targets.map(place).join(', ')} = ${call.kind}(${operands.join(', ')}): ${sizes}${kept}; ${work}`
    }
    case 'pack':
      return `${name(call.panels.buffer)} = pack(${place(call.b)}): ${formatDim(call.k)} × ${formatDim(call.n)}; ${work}`
    case 'filters':
      return `${name(call.target)} = filters(${place(call.w)}): ${formatDim(call.channels)} → ${formatDim(call.filters)} channels; ${work}`
    case 'gather':
    case 'scatter_add':
      return `${place(call.target)} = ${call.kind}(${place(call.source)}, ${place(call.indices)}); ${work}`
    case 'argsort':
    case 'cumsum':
      return `${place(call.target)} = ${call.kind}(${place(call.source)})${call.backwards ? ' backwards' : ''}; ${work}`
    case 'copy':
      return `${name(call.target)} = copy(${name(call.source)}); ${work}`
    case 'loop':
      return `${call.title}, ${call.reverse ? 'backwards ' : ''}over ${call.counter}${call.pointers.map(moveText).join('')}; ${work}`
  }
}
