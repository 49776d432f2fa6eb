/**
 * Compares the gradients users give for their functions with derived ones and with finite differences, in the float64
 * interpreter, on random inputs of small sizes.
 */
import type { CallableDeclaration, Parameter, SourceFile } from './1-parse/ast.ts'
import type { Graph } from './3-graph/graph.ts'
import { EvaluationError, interpret } from './3-graph/interpret.ts'
import { differentiate } from './4-transform/differentiate.ts'
import { withoutGivenGradients } from './4-transform/given-gradients.ts'
import { evaluateDim } from './dimensions/dimension.ts'
import { type CompileOptions, compile } from './index.ts'

export interface GradientComparison {
  readonly function: string
  /** The inputs it was called with: `x: f32[2, 3]`. */
  readonly inputs: string
  /** The largest relative difference between the given gradients and those derived from the body. */
  readonly derived: number
  /** The largest relative difference between the given gradients and central differences of the body. */
  readonly numeric: number
}

/** A function that could not be called by itself. */
export interface GradientSkipped {
  readonly function: string
  readonly reason: string
}

/** Sizes tried for the generic dimensions of a function, until its conditions hold. */
const sizeLists: readonly (readonly number[])[] = [
  [2, 3, 4, 5],
  ...[3, 4, 2, 1, 5, 6, 8].map((size) => [size]),
  [4, 2],
  [2, 4],
  [6, 3, 2],
  [8, 2, 4],
  [3, 5, 2],
]
const DRAWS = 3
const DISTANCE = 1e-5

/** Compares all functions of the file with a `gradient`. The file must be free of errors. */
export async function checkGradients(
  source: string,
  ast: SourceFile,
  options: Pick<CompileOptions, 'file' | 'settings' | 'resolve'>,
): Promise<(GradientComparison | GradientSkipped)[]> {
  const results: (GradientComparison | GradientSkipped)[] = []
  for (const declaration of ast.declarations)
    if (declaration.kind === 'fn' && declaration.gradient)
      results.push(await compareFunction(source, ast, declaration, options))
  return results
}

async function compareFunction(
  source: string,
  ast: SourceFile,
  declaration: CallableDeclaration,
  options: Pick<CompileOptions, 'file' | 'settings' | 'resolve'>,
): Promise<GradientComparison | GradientSkipped> {
  const name = declaration.name.text
  let reason = 'it needs arguments that cannot be chosen here'
  for (const sizes of sizeLists) {
    const call = callOf(source, ast, declaration, sizes)
    if (!call) break
    const { graphs, diagnostics } = await compile(`${source}\n${call.text}`, { ...options, stopAfter: 'graph' })
    const graph = graphs?.graphs.find((candidate) => candidate.name === call.entry)
    if (!graph) {
      reason = diagnostics.find(({ severity }) => severity === 'error')?.message ?? reason
      continue
    }
    const differences = compareGraph(graph)
    if (differences) return { function: name, inputs: call.inputs, ...differences }
    reason = 'its gradients are not finite on random inputs'
  }
  return { function: name, reason }
}

interface Call {
  readonly entry: string
  readonly inputs: string
  readonly text: string
}

/** An infer block that calls the function and takes the gradients of a weighted sum of its result. */
function callOf(
  source: string,
  ast: SourceFile,
  declaration: CallableDeclaration,
  sizes: readonly number[],
): Call | undefined {
  const generic = new Map<string, number>()
  const known = new Set(ast.declarations.flatMap((own) => declaredNames(own)))
  const inputs: string[] = []
  const given: string[] = []
  const differentiable: string[] = []
  for (const parameter of [...declaration.config, ...declaration.inputs]) {
    const { name, type, value } = parameter
    if (value) continue
    if (type?.kind === 'scalar') {
      if (type.name === 'string') return undefined
      given.push(`${name.text} = ${type.name === 'int' ? sizes[0] : 0.5}`)
      continue
    }
    const written = concreteType(source, parameter, sizes, generic, known)
    inputs.push(`${name.text}: ${written}`)
    given.push(`${name.text} = ${name.text}`)
    if (written.startsWith('f32')) differentiable.push(name.text)
  }
  const entry = `check_gradient_of_${declaration.name.text}`
  const signature = inputs.join(', ')
  const gradients = differentiable.map((name) => `gradient(check_total, ${name})`)
  const text = `infer ${entry}(${signature}) {
  let check_result = ${declaration.name.text}(${given.join(', ')})
  let check_total = sum(check_result * normal_like(check_result))
  return (check_total, ${gradients.join(', ')})
}
`
  return { entry, inputs: signature, text }
}

function declaredNames(declaration: SourceFile['declarations'][number]): string[] {
  if (declaration.kind === 'import') return declaration.names.map(({ name, alias }) => (alias ?? name).text)
  return [declaration.name.text]
}

/** The parameter's type with numbers for generic names, and one axis for `...`. */
function concreteType(
  source: string,
  { type }: Parameter,
  sizes: readonly number[],
  generic: Map<string, number>,
  known: ReadonlySet<string>,
): string {
  if (type?.kind !== 'tensor') return `f32[${sizes[0]}]`
  const items = type.shape.map((item) => {
    if (item.kind === 'ellipsis') return '2'
    return source.slice(item.span.start, item.span.end).replaceAll(/[A-Za-z_]\w*/g, (word) => {
      if (known.has(word)) return word
      if (!generic.has(word)) generic.set(word, sizes[generic.size % sizes.length]!)
      return String(generic.get(word))
    })
  })
  return items.length === 0 ? type.dtype : `${type.dtype}[${items.join(', ')}]`
}

/** The largest relative differences over some random inputs; undefined if values are not finite on any of them. */
function compareGraph(graph: Graph): Pick<GradientComparison, 'derived' | 'numeric'> | undefined {
  const own = differentiate(graph).graph
  const other = differentiate(withoutGivenGradients(graph)).graph
  let [derived, numeric, compared] = [0, 0, 0]
  for (let draw = 0; draw < 2 * DRAWS; draw++) {
    // Later draws are positive, for functions like the logarithm.
    const environment = environmentOf(graph, draw, draw >= DRAWS)
    const given = evaluate(own, environment)
    const reference = evaluate(other, environment)
    const names = graph.nodes.flatMap((node) =>
      node.op === 'input' && node.type.dtype === 'f32' ? [node.attributes.name] : [],
    )
    const slopes = given && reference && names.map((name) => centralDifferences(other, environment, name))
    if (!given || !reference || !slopes?.every((each) => each.every(Number.isFinite))) continue
    compared++
    for (const [at, slope] of slopes.entries()) {
      derived = Math.max(derived, relativeDifference(given.gradients[at]!, reference.gradients[at]!))
      numeric = Math.max(numeric, relativeDifference(given.gradients[at]!, slope))
    }
    if (compared === DRAWS) break
  }
  return compared === 0 ? undefined : { derived, numeric }
}

interface Environment {
  readonly dims: Readonly<Record<string, number>>
  readonly inputs: Readonly<Record<string, Float64Array>>
  readonly hypers: Readonly<Record<string, number>>
  readonly seed: number
}

function environmentOf(graph: Graph, draw: number, positive: boolean): Environment {
  const dims = Object.fromEntries(
    graph.dims.map(({ name, minimum, maximum }) => [name, Math.min(maximum, minimum + 2)]),
  )
  const hypers: Record<string, number> = {}
  const inputs: Record<string, Float64Array> = {}
  let state = 12345 + 7919 * draw
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  // The first numbers of neighbouring seeds are alike.
  for (let skipped = 0; skipped < 8; skipped++) random()
  const { nodes } = graph
  for (const node of nodes) {
    if (node.op === 'hyper') hypers[node.attributes.name] = 0.5
    if (node.op !== 'input') continue
    const length = node.type.shape.reduce<number>((count, dim) => count * evaluateDim(dim, dims), 1)
    inputs[node.attributes.name] = Float64Array.from({ length }, () => {
      if (node.type.dtype !== 'f32') return random() < 0.5 ? 0 : 1
      return positive ? 0.1 + 1.9 * random() : 4 * random() - 2
    })
  }
  return { dims, inputs, hypers, seed: draw }
}

interface Evaluated {
  readonly total: number
  readonly gradients: readonly Float64Array[]
}

function evaluate(graph: Graph, environment: Environment): Evaluated | undefined {
  try {
    const { outputs } = interpret(graph, { ...environment, variables: {}, step: 0 })
    const [total, ...gradients] = graph.outputs.map(({ name }) => outputs[name]!.data)
    return [total!, ...gradients].every((data) => data.every(Number.isFinite))
      ? { total: total![0]!, gradients }
      : undefined
  } catch (error) {
    if (error instanceof EvaluationError) return undefined
    throw error
  }
}

function centralDifferences(graph: Graph, environment: Environment, name: string): Float64Array {
  const data = environment.inputs[name]!
  const totalAt = (at: number, value: number): number => {
    const moved = Float64Array.from(data)
    moved[at] = value
    return evaluate(graph, { ...environment, inputs: { ...environment.inputs, [name]: moved } })?.total ?? Number.NaN
  }
  return data.map((value, at) => {
    const distance = DISTANCE * Math.max(1, Math.abs(value))
    return (totalAt(at, value + distance) - totalAt(at, value - distance)) / (2 * distance)
  })
}

/** max |a − b| / max(|a|, |b|), where differences far below the largest element do not count. */
function relativeDifference(a: Float64Array, b: Float64Array): number {
  const scale = Math.max(...a.map(Math.abs), ...b.map(Math.abs))
  let largest = 0
  for (const [at, value] of a.entries()) {
    const size = Math.max(Math.abs(value), Math.abs(b[at]!), 1e-3 * scale, Number.MIN_VALUE)
    largest = Math.max(largest, Math.abs(value - b[at]!) / size)
  }
  return largest
}
