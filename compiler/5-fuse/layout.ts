/** Where everything lies in the module's memory: slots, constants, hypers, variables, what is prepared from them, inputs, outputs, then the arena. */
import type { GraphProgram } from '../3-graph/graph.ts'
import type { DimRange } from '../dimensions/bounds.ts'
import { add, formatShape } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { uniqueName } from './naming.ts'
import { type GraphPlan, largestBytes, type Storage } from './plan-graph.ts'
import { paddedBytes } from './plan-memory.ts'
import type { Buffer, Place, Program } from './program.ts'

/** Seed and step, i32 each, then padding. */
const SLOT_BYTES = 64
/** For the vector constants of loops. */
const CONSTANT_BYTES = 1024

export interface Layout {
  input(name: string, type: TensorType): number
  variable(name: string): number
  /** Where a buffer of a graph's plan lies. */
  place(plan: GraphPlan, buffer: number): Place
  /** The buffer a product packs its panels in. */
  scratch(plan: GraphPlan, node: number): number
  /** The buffer with the packed right operand of a product in a loop. */
  panels(plan: GraphPlan, node: number): number
  /** The buffer of what is kept between calls, the same for the same key. */
  kept(key: string, name: string, bytes: number): number
  /** Fixes all offsets, with a word for each preparation. `slack`: bytes that may be read before a buffer's start and after its end. */
  finish(
    slack: Slack,
    preparations: number,
  ): Pick<
    Program,
    'buffers' | 'hypers' | 'variables' | 'seedOffset' | 'stepOffset' | 'preparedOffset' | 'constants' | 'memory'
  >
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
    buffer: define(`variable ${variable.name}`, () =>
      tensor(variable.kind === 'prepared' ? 'prepared' : 'variable', variable.name, variable.type),
    ),
  }))
  const find = (key: string): number => {
    const at = known.get(key)
    if (at === undefined) throw new Error(`internal: fuse: no ${key}`)
    return at
  }
  // Entries never run at the same time, so an input of the same name and type is the same memory.
  const input = (name: string, type: TensorType): number =>
    define(`input ${name} ${type.dtype}${formatShape(type.shape)}`, () => tensor('input', name, type))

  const bufferOf = (plan: GraphPlan, buffer: number, storage: Exclude<Storage, { kind: 'within' }>): number => {
    const type = plan.typeOf(buffer)
    const named = (): string => `${plan.graph.name}.${plan.nameOf(buffer)}`
    switch (storage.kind) {
      case 'input':
        return input(storage.name, type)
      case 'variable':
        return find(`variable ${storage.name}`)
      case 'hyper':
        return find(`hyper ${storage.name}`)
      case 'output':
        return define(`output ${plan.graph.name} ${storage.name}`, () =>
          tensor('output', `${plan.graph.name}.${storage.name}`, type),
        )
      case 'pointer':
        return define(`pointer ${plan.graph.name} ${buffer}`, () => tensor('pointer', named(), type))
      case 'arena':
        arenaBytes = Math.max(arenaBytes, plan.arenaBytes)
        return define(`arena ${plan.graph.name} ${buffer}`, () => ({
          ...tensor('arena', named(), type),
          arenaOffset: storage.offset,
        }))
    }
  }
  const places = new Map<GraphPlan, Map<number, Place>>()
  const place = (plan: GraphPlan, buffer: number): Place => {
    const own = places.get(plan) ?? new Map<number, Place>()
    places.set(plan, own)
    const found = own.get(buffer) ?? findPlace(plan, buffer)
    own.set(buffer, found)
    return found
  }
  const findPlace = (plan: GraphPlan, buffer: number): Place => {
    const storage = plan.storage.get(buffer)
    if (!storage) throw new Error(`internal: fuse: value ${buffer} of ${plan.graph.name} has no storage`)
    if (storage.kind !== 'within') return { buffer: bufferOf(plan, buffer, storage), elements: 0 }
    const around = place(plan, storage.buffer)
    return { buffer: around.buffer, elements: add(around.elements, storage.elements) }
  }

  const roomOf = (plan: GraphPlan, node: number, kind: 'scratch' | 'panels'): number => {
    const room = plan[kind].get(node)
    if (!room) throw new Error(`internal: fuse: product ${node} of ${plan.graph.name} has no space for ${kind}`)
    arenaBytes = Math.max(arenaBytes, plan.arenaBytes)
    return define(`${kind} ${plan.graph.name} ${node}`, () => ({
      ...tensor('arena', `${plan.graph.name}.${kind}${node}`, { dtype: 'f32', shape: [room.bytes / 4] }),
      arenaOffset: room.offset,
    }))
  }

  return {
    input,
    variable: (name) => find(`variable ${name}`),
    place,
    scratch: (plan, node) => roomOf(plan, node, 'scratch'),
    panels: (plan, node) => roomOf(plan, node, 'panels'),
    kept: (key, name, bytes) =>
      define(`kept ${key}`, () => tensor('prepared', name, { dtype: 'f32', shape: [bytes / 4] })),
    finish(slack, preparations) {
      const seedOffset = Math.ceil((slack.before + 1) / 64) * 64
      const constants = { offset: seedOffset + SLOT_BYTES, bytes: CONSTANT_BYTES }
      const preparedOffset = constants.offset + constants.bytes
      let top = preparedOffset + Math.ceil(preparations / 16) * 64
      const offsets = new Map<number, number>()
      const totals = { hyper: 0, variable: 0, prepared: 0, input: 0, output: 0 }
      for (const kind of ['hyper', 'variable', 'prepared', 'input', 'output'] as const) {
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
          offset: offsets.get(at) ?? arenaStart + (arenaOffset ?? 0),
        }),
      )
      return {
        buffers: placed,
        hypers,
        variables: variables.filter(({ variable }) => variable.kind !== 'prepared'),
        seedOffset,
        stepOffset: seedOffset + 4,
        preparedOffset,
        constants,
        memory: {
          variables: totals.variable,
          prepared: totals.prepared,
          inputs: totals.input,
          outputs: totals.output,
          arena: arenaBytes,
          tables: 0,
          total: arenaStart + arenaBytes + slack.after + 64,
        },
      }
    },
  }
}
