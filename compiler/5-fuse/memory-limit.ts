import type { GraphNode, GraphProgram } from '../3-graph/graph.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'

/** Bytes a module can address. */
export const LARGEST_MEMORY = 2 ** 32 - 2 ** 16

/** The program does not fit in a module's memory at the largest sizes of its dimensions: the user's to change. */
export class MemoryLimitError extends Error {
  /** Where the largest tensor is made. */
  readonly span: Span | undefined

  constructor(need: string, program: GraphProgram) {
    super(
      `the program needs ${need} of memory at the largest sizes of its dimensions, and a WebAssembly module has 4 GiB`,
    )
    this.span = spanOfLargest(program)
  }
}

function spanOfLargest(program: GraphProgram): Span | undefined {
  const ranges: Record<string, DimRange> = {}
  for (const dim of [...program.dims, ...program.graphs.flatMap((graph) => graph.dims)]) ranges[dim.name] = dim
  const elements = ({ type }: GraphNode) =>
    type.shape.reduce<number>((total, dim) => total * boundsOf(dim, ranges).maximum, 1)
  let largest: { readonly span: Span; readonly size: number } | undefined
  for (const node of program.graphs.flatMap((graph) => graph.nodes)) {
    if (node.span && (!largest || elements(node) > largest.size)) largest = { span: node.span, size: elements(node) }
  }
  return largest?.span
}
