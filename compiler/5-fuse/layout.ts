/** Where everything lies in the module's memory: slots, hypers, variables, inputs, outputs, then the arena. */
import type { GraphProgram } from '../3-graph/graph.ts'
import { type DimRange, formatShape } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { uniqueName } from './naming.ts'
import { type GraphPlan, largestBytes } from './plan-graph.ts'
import { paddedBytes } from './plan-memory.ts'
import type { Buffer, Program } from './program.ts'

/** Seed and step, i32 each, then padding. */
const SLOT_BYTES = 64

export interface Layout {
  input(name: string, type: TensorType): number
  variable(name: string): number
  /** The program's buffer for a buffer of a graph's plan. */
  place(plan: GraphPlan, buffer: number): number
  /** The buffer a product packs its panels in. */
  scratch(plan: GraphPlan, node: number): number
  /** Fixes all offsets. `slack`: bytes that may be read before a buffer's start and after its end. */
  finish(slack: Slack): Pick<Program, 'buffers' | 'hypers' | 'variables' | 'seedOffset' | 'stepOffset' | 'memory'>
}

export interface Slack {
  readonly before: number
  readonly after: number
}

interface PlannedBuffer extends Omit<Buffer, 'offset'> {
  /** Within the arena. */
  readonly arenaOffset?: number
}

export function createLayout(
  program: GraphProgram,
  ranges: Readonly<Record<string, DimRange>>,
  names: Set<string>,
): Layout {
  const buffers: PlannedBuffer[] = []
  const known = new Map<string, number>()
  let arenaBytes = 0

  const define = (key: string, buffer: () => PlannedBuffer): number => {
    const at = known.get(key)
    if (at !== undefined) return at
    buffers.push(buffer())
    known.set(key, buffers.length - 1)
    return buffers.length - 1
  }
  const tensor = (kind: Buffer['kind'], name: string, type: TensorType): PlannedBuffer => ({
    name: uniqueName(name, names),
    kind,
    type,
    bytes: largestBytes(type.shape, ranges),
  })
  const hypers = program.hypers.map((hyper) => ({
    hyper,
    buffer: define(`hyper ${hyper.name}`, () => tensor('hyper', hyper.name, { dtype: 'f32', shape: [] })),
  }))
  const variables = program.variables.map((variable) => ({
    variable,
    buffer: define(`variable ${variable.name}`, () => tensor('variable', variable.name, variable.type)),
  }))
  const find = (key: string): number => {
    const at = known.get(key)
    if (at === undefined) throw new Error(`internal: fuse: no ${key}`)
    return at
  }
  // Entries never run at the same time, so an input of the same name and type is the same memory.
  const input = (name: string, type: TensorType): number =>
    define(`input ${name} ${type.dtype}${formatShape(type.shape)}`, () => tensor('input', name, type))

  return {
    input,
    variable: (name) => find(`variable ${name}`),
    place(plan, buffer) {
      const storage = plan.storage.get(buffer)
      if (!storage) throw new Error(`internal: fuse: value ${buffer} of ${plan.graph.name} has no storage`)
      const type = plan.typeOf(buffer)
      if (storage.kind === 'input') return input(storage.name, type)
      if (storage.kind === 'variable') return find(`variable ${storage.name}`)
      if (storage.kind === 'hyper') return find(`hyper ${storage.name}`)
      if (storage.kind === 'output')
        return define(`output ${plan.graph.name} ${storage.name}`, () =>
          tensor('output', `${plan.graph.name}.${storage.name}`, type),
        )
      const { offset: arenaOffset } = storage
      arenaBytes = Math.max(arenaBytes, plan.arenaBytes)
      return define(`arena ${plan.graph.name} ${buffer}`, () => ({
        ...tensor('arena', `${plan.graph.name}.${plan.nameOf(buffer)}`, type),
        arenaOffset,
      }))
    },
    scratch(plan, node) {
      const place = plan.scratch.get(node)
      if (!place) throw new Error(`internal: fuse: product ${node} of ${plan.graph.name} has no packing space`)
      arenaBytes = Math.max(arenaBytes, plan.arenaBytes)
      return define(`scratch ${plan.graph.name} ${node}`, () => ({
        ...tensor('arena', `${plan.graph.name}.panels${node}`, { dtype: 'f32', shape: [place.bytes / 4] }),
        arenaOffset: place.offset,
      }))
    },
    finish(slack) {
      const seedOffset = Math.ceil((slack.before + 1) / 64) * 64
      let top = seedOffset + SLOT_BYTES
      const offsets = new Map<number, number>()
      const totals = { hyper: 0, variable: 0, input: 0, output: 0 }
      for (const kind of ['hyper', 'variable', 'input', 'output'] as const) {
        const start = top
        buffers.forEach((buffer, at) => {
          if (buffer.kind !== kind) return
          offsets.set(at, top)
          top += paddedBytes(buffer.bytes)
        })
        totals[kind] = top - start
      }
      const arenaStart = top
      const placed = buffers.map(
        ({ arenaOffset, ...buffer }, at): Buffer => ({
          ...buffer,
          offset: offsets.get(at) ?? arenaStart + arenaOffset!,
        }),
      )
      return {
        buffers: placed,
        hypers,
        variables,
        seedOffset,
        stepOffset: seedOffset + 4,
        memory: {
          variables: totals.variable,
          inputs: totals.input,
          outputs: totals.output,
          arena: arenaBytes,
          total: arenaStart + arenaBytes + slack.after + 64,
        },
      }
    },
  }
}
