/** Whole training steps as graphs, written by hand: what the language's standard library comes to. */
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { type Dim, symbol } from '../../compiler/dimensions/dimension.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'

export interface NetworkOptions {
  readonly widths: readonly number[]
  readonly largestBatch: number
  readonly dropout?: number
  readonly optimizer: 'adam' | 'none'
}

/** A classifier of rectified layers with cross-entropy and accuracy; one step of Adam unless told otherwise. */
export function classifier({ widths, largestBatch, dropout, optimizer }: NetworkOptions): Graph {
  const dims = [{ name: 'Batch', minimum: 1, maximum: largestBatch }]
  const builder = new GraphBuilder({ name: 'fit.step', kind: 'step', dims })
  const e = expressions(builder)
  const batch = symbol('Batch')
  const classes = widths.at(-1)!
  let x = e.input('image', { dtype: 'f32', shape: [batch, widths[0]!] })
  const label = e.input('label', { dtype: 'i32', shape: [batch] })
  const parameters: { name: string; node: number }[] = []
  const parameter = (name: string, shape: readonly Dim[]): number => {
    const node = e.variable(name, { dtype: 'f32', shape })
    parameters.push({ name, node })
    return node
  }
  widths.slice(1).forEach((width, at) => {
    const w = parameter(`fc${at + 1}.w`, [width, widths[at]!])
    const b = parameter(`fc${at + 1}.b`, [width])
    const y = e.contract(x, w, { batch: [], contracted: [[1, 1]] })
    x = e.add(y, e.expand(b, [batch, width], [1]))
    if (at === widths.length - 2) return
    x = e.maximum(x, e.like(x, 0))
    if (dropout === undefined) return
    const random = e.emit('uniform', [], { shape: [batch, width], site: at + 1 })
    x = e.select(e.lessEqual(e.like(x, dropout), random), e.scale(x, 1 / (1 - dropout)), e.like(x, 0))
  })
  const loss = crossEntropy(e, x, label, batch, classes)
  const right = e.equal(e.argmax(x, 1), label)
  const accuracy = mean(e, e.select(right, e.full(1, [batch]), e.full(0, [batch])), batch)
  const updates = optimizer === 'adam' ? adam(e, loss, parameters) : []
  const outputs = [
    { name: 'loss', node: loss },
    { name: 'accuracy', node: accuracy },
  ]
  return erase(differentiate(builder.finish(outputs, updates)).graph)
}

export function crossEntropy(e: Expressions, logits: number, label: number, batch: Dim, classes: Dim): number {
  const shape = [batch, classes]
  const largest = e.stopGradient(e.reduceMax(logits, [1]))
  const shifted = e.sub(logits, e.expand(largest, shape, [0]))
  const total = e.log(e.reduceSum(e.exp(shifted), [1]))
  const hit = e.equal(e.expand(label, shape, [0]), e.iota(shape, 1))
  const chosen = e.reduceSum(e.select(hit, shifted, e.like(shifted, 0)), [1])
  return mean(e, e.sub(total, chosen), batch)
}

function mean(e: Expressions, x: number, count: Dim): number {
  return e.div(e.reduceSum(x, [0]), e.cast(e.dimension(count), 'f32'))
}

function adam(e: Expressions, loss: number, parameters: readonly { name: string; node: number }[]) {
  const rate = e.emit('hyper', [], { name: 'lr' })
  const step = e.emit('hyper', [], { name: 'count' })
  const one = e.constant(1)
  const correction = e.div(rate, e.sub(one, e.pow(e.constant(0.9), step)))
  const scale = e.rsqrt(e.sub(one, e.pow(e.constant(0.999), step)))
  return parameters.flatMap(({ name, node: p }) => {
    const g = e.gradient(loss, p)
    const type = e.typeOf(p)
    const all = (scalar: number): number => e.expand(scalar, type.shape, [])
    const m = e.add(e.scale(e.variable(`${name}.m`, type), 0.9), e.scale(g, 0.1))
    const v = e.add(e.scale(e.variable(`${name}.v`, type), 0.999), e.mul(e.scale(g, 0.001), g))
    const next = e.sub(p, e.div(e.mul(all(correction), m), e.add(e.mul(e.sqrt(v), all(scale)), e.like(p, 1e-8))))
    return [
      { variable: name, node: next },
      { variable: `${name}.m`, node: m },
      { variable: `${name}.v`, node: v },
    ]
  })
}
