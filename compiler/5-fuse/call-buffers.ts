/** The buffers a call names, as one list and replaced. */
import type { Call, Panels, Place, PointerMove } from './program.ts'

/** The call with each buffer it names replaced, always in the same order for calls of the same form. */
export function withBuffers(call: Call, change: (buffer: number) => number): Call {
  if (!call.when) return withOwnBuffers(call, change)
  const when = { ...call.when, buffer: change(call.when.buffer) }
  return { ...withOwnBuffers(call, change), when }
}

function withOwnBuffers(call: Call, change: (buffer: number) => number): Call {
  const place = (own: Place): Place => ({ ...own, buffer: change(own.buffer) })
  const panels = (own: Panels): Panels => ({ ...own, buffer: change(own.buffer) })
  switch (call.kind) {
    case 'kernel':
      return { ...call, places: call.places.map(place) }
    case 'product':
      return {
        ...call,
        c: place(call.c),
        a: place(call.a),
        b: place(call.b),
        ...(call.accumulate?.unless && { accumulate: { unless: place(call.accumulate.unless) } }),
        ...(call.scratch !== undefined && { scratch: change(call.scratch) }),
        ...(call.panels && { panels: panels(call.panels) }),
      }
    case 'pack':
      return { ...call, panels: panels(call.panels), b: place(call.b) }
    case 'filters':
      return { ...call, target: change(call.target), w: place(call.w) }
    case 'convolution':
      return {
        ...call,
        y: place(call.y),
        x: place(call.x),
        w: place(call.w),
        ...(call.pooled && { pooled: { input: place(call.pooled.input), largest: place(call.pooled.largest) } }),
        ...(call.prepared !== undefined && { prepared: change(call.prepared) }),
        scratch: change(call.scratch),
      }
    case 'pool_max':
    case 'pool_max_gradient':
      return { ...call, target: place(call.target), sources: call.sources.map(place) }
    case 'attention':
    case 'attention_gradient':
      return {
        ...call,
        targets: call.targets.map(place),
        ...(call.kept && { kept: place(call.kept) }),
        sources: call.sources.map(place),
        ...(call.slopes && { slopes: place(call.slopes) }),
        ...(call.bias && { bias: place(call.bias) }),
        scratch: change(call.scratch),
      }
    case 'gather':
    case 'scatter_add':
      return { ...call, target: place(call.target), source: place(call.source), indices: place(call.indices) }
    case 'argsort':
    case 'cumsum':
      return {
        ...call,
        target: place(call.target),
        source: place(call.source),
        ...(call.scratch !== undefined && { scratch: change(call.scratch) }),
      }
    case 'copy':
      return { ...call, target: change(call.target), source: change(call.source) }
    case 'loop':
      return {
        ...call,
        pointers: call.pointers.map((move) => withMovedBuffers(move, change)),
        body: call.body.map((inner) => withBuffers(inner, change)),
        ...(call.until && {
          until: {
            ...call.until,
            moved: place(call.until.moved),
            ...(call.until.steps && { steps: place(call.until.steps) }),
          },
        }),
      }
  }
}

function withMovedBuffers(move: PointerMove, change: (buffer: number) => number): PointerMove {
  const place = (own: Place): Place => ({ ...own, buffer: change(own.buffer) })
  if (move.kind === 'follow')
    return { ...move, now: change(move.now), first: place(move.first), next: place(move.next) }
  return {
    ...move,
    now: change(move.now),
    next: change(move.next),
    home: place(move.home),
    other: place(move.other),
  }
}
