/** A program as text: memory, kernels, and the calls of each entry with their work. */
import { formatDim, formatShape } from '../dimensions/dimension.ts'
import type { Call, Kernel, KernelValue, Program } from './program.ts'
import { formatCount } from './work.ts'

export function printProgram(program: Program): string {
  const { memory } = program
  const lines = [
    `program ${program.name}`,
    `memory ${memory.total} bytes: variables ${memory.variables}, inputs ${memory.inputs}, outputs ${memory.outputs}, arena ${memory.arena}`,
    '',
    ...program.buffers.map(
      ({ name, kind, type, offset, bytes }) =>
        `${kind} ${name}: ${type.dtype}${formatShape(type.shape)} at ${offset}, ${bytes} bytes`,
    ),
    '',
    ...program.kernels.map(printKernelLine),
  ]
  for (const entry of program.entries) {
    const dims = entry.dims.map(({ name, minimum, maximum }) => `${name} in ${minimum}..${maximum}`)
    lines.push('', `entry ${entry.name}(${dims.join(', ')}): ${entry.kind}, arena ${entry.arenaBytes} bytes`)
    for (const call of entry.calls) lines.push(`  ${callText(program, call)}`)
  }
  return `${lines.join('\n')}\n`
}

function printKernelLine(kernel: Kernel): string {
  const count = (kind: KernelValue['kind']): number => kernel.values.filter((value) => value.kind === kind).length
  const stages = kernel.stages.map((stage) => `${stage.inner.length} deep`)
  return `kernel ${kernel.name}: ${kernel.class}, lanes ${kernel.lanes}, ${kernel.outer.length} outer axes, stages ${stages.join(' | ')}, ${count('load')} loads, ${count('operation')} operations, ${count('reduction')} reductions`
}

function callText(program: Program, call: Call): string {
  const name = (buffer: number): string => program.buffers[buffer]!.name
  const work = `${formatCount(call.work.flops)} flops, ${formatCount(call.work.bytes)} bytes`
  switch (call.kind) {
    case 'kernel': {
      const kernel = program.kernels[call.kernel]!
      const written = call.buffers.filter((_, at) => kernel.buffers[at]!.written).map(name)
      const read = call.buffers.filter((_, at) => !kernel.buffers[at]!.written).map(name)
      return `${written.join(', ')} = ${kernel.name}(${read.join(', ')}): ${call.title}; ${work}`
    }
    case 'product': {
      const sizes = [call.m, call.k, call.n].map(formatDim).join(' × ')
      const loops =
        call.loops.length > 0 ? ` in loops over ${call.loops.map(({ extent }) => formatDim(extent)).join(', ')}` : ''
      return `${name(call.c.buffer)} = product(${name(call.a.buffer)}, ${name(call.b.buffer)}): ${sizes}${loops}; ${work}`
    }
    case 'convolution': {
      const axes = call.axes.filter(({ result, filter }) => result !== 1 || filter !== 1)
      const list = (of: (axis: (typeof axes)[number]) => string): string => axes.map(of).join('×')
      const about = `${list(({ result }) => formatDim(result))} results, filter ${list(({ filter }) => formatDim(filter))}`
      const channels = `${formatDim(call.channels)} → ${formatDim(call.filters)} channels`
      return `${name(call.y.buffer)} = convolution(${name(call.x.buffer)}, ${name(call.w.buffer)}): ${about}, ${channels}; ${work}`
    }
    case 'pool_max':
    case 'pool_max_gradient': {
      const sources = call.sources.map(({ buffer }) => name(buffer)).join(', ')
      const windows = call.axes.filter(({ input }) => input !== 1).map(({ window }) => window)
      return `${name(call.target.buffer)} = ${call.kind}(${sources}): windows ${windows.join('×')}; ${work}`
    }
    case 'gather':
    case 'scatter_add':
      return `${name(call.target.buffer)} = ${call.kind}(${name(call.source.buffer)}, ${name(call.indices.buffer)}); ${work}`
    case 'copy':
      return `${name(call.target)} = copy(${name(call.source)}); ${work}`
  }
}
