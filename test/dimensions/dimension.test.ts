import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundsOf } from '../../compiler/dimensions/bounds.ts'
import {
  add,
  type Dim,
  DimensionError,
  dimEqual,
  divideExactly,
  evaluateDim,
  floorDivide,
  formatDim,
  modulo,
  multiply,
  solveFor,
  substitute,
  subtract,
  symbol,
} from '../../compiler/dimensions/dimension.ts'

const names = ['A', 'B', 'C']
const ranges = Object.fromEntries(names.map((name) => [name, { minimum: 1, maximum: 6 }]))

type Operator = 'add' | 'subtract' | 'multiply' | 'floorDivide'
type Tree = number | string | readonly [Operator, Tree, Tree]

const operators = { add, subtract, multiply, floorDivide } as const

const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 1, max: 5 }),
    fc.constantFrom(...names),
    fc.tuple(fc.constantFrom<Operator[]>('add', 'subtract', 'multiply'), tie('tree'), tie('tree')),
    fc.tuple(fc.constant<Operator>('floorDivide'), tie('tree'), fc.integer({ min: 1, max: 4 })),
  ),
})).tree

function build(node: Tree): Dim {
  if (typeof node === 'number') return node
  if (typeof node === 'string') return symbol(node)
  return operators[node[0]](build(node[1]), build(node[2]))
}

function value(node: Tree, values: Readonly<Record<string, number>>): number {
  if (typeof node === 'number') return node
  if (typeof node === 'string') return values[node]!
  const left = value(node[1], values)
  const right = value(node[2], values)
  if (node[0] === 'add') return left + right
  if (node[0] === 'subtract') return left - right
  if (node[0] === 'multiply') return left * right
  return Math.floor(left / right)
}

const assignment = fc.record({
  A: fc.integer({ min: 1, max: 6 }),
  B: fc.integer({ min: 1, max: 6 }),
  C: fc.integer({ min: 1, max: 6 }),
})

describe('dimension arithmetic', () => {
  test('agrees with integers, within its bounds, also after substitution', () => {
    fc.assert(
      fc.property(tree, assignment, (node, values) => {
        const dim = build(node)
        const expected = value(node, values) + 0 // no negative zero
        expect(evaluateDim(dim, values)).toBe(expected)
        expect(substitute(dim, new Map(Object.entries(values)))).toBe(expected)
        const bounds = boundsOf(dim, ranges)
        expect(bounds.minimum).toBeLessThanOrEqual(expected)
        expect(bounds.maximum).toBeGreaterThanOrEqual(expected)
      }),
      { numRuns: 2_000 },
    )
  })

  test('has one form for equal expressions', () => {
    const [a, b] = [symbol('A'), symbol('B')]
    expect(
      dimEqual(multiply(add(a, b), add(a, b)), add(multiply(a, a), add(multiply(2, multiply(a, b)), multiply(b, b)))),
    ).toBe(true)
    expect(subtract(add(a, b), b)).toEqual(a)
    expect(floorDivide(multiply(6, a), 3)).toEqual(multiply(2, a))
    expect(formatDim(add(multiply(3, a), 1))).toBe('3 * A + 1')
    expect(formatDim(floorDivide(a, 2))).toBe('A / 2')
    expect(formatDim(multiply(3, floorDivide(subtract(a, b), 2)))).toBe('3 * ((A - B) / 2)')
    expect(modulo(multiply(4, a), 2)).toBe(0)
  })

  test('divides exactly or says that it cannot', () => {
    const [a, b] = [symbol('A'), symbol('B')]
    expect(divideExactly(multiply(4, multiply(a, b)), multiply(2, a))).toEqual(multiply(2, b))
    expect(divideExactly(add(a, 1), 2)).toBeUndefined()
  })

  test('solves for one unknown', () => {
    const unknown = symbol('N')
    expect(solveFor(add(multiply(3, unknown), 1), 10, new Set(['N']))).toEqual({ name: 'N', value: 3 })
    expect(solveFor(multiply(3, unknown), 10, new Set(['N']))).toBeUndefined()
    expect(solveFor(multiply(3, unknown), multiply(6, symbol('A')), new Set(['N']))).toEqual({
      name: 'N',
      value: multiply(2, symbol('A')),
    })
    expect(solveFor(multiply(unknown, unknown), 9, new Set(['N']))).toBeUndefined()
  })

  test.each([
    ['N * N - N', (n: Dim) => subtract(multiply(n, n), n), 0, 64 * 63],
    ['64 - N', (n: Dim) => subtract(64, n), 0, 63],
    ['N - (N - 1) / 2 - 1', (n: Dim) => subtract(subtract(n, floorDivide(subtract(n, 1), 2)), 1), 0, undefined],
    ['N % 3', (n: Dim) => modulo(n, 3), 0, 2],
    ['2 * (N / 2) - N', (n: Dim) => subtract(multiply(2, floorDivide(n, 2)), n), -1, 0],
    ['N * (N / 4) - 4 * (N / 4)', (n: Dim) => multiply(floorDivide(n, 4), subtract(n, 4)), undefined, undefined],
  ])('bounds of %s for N in 1..64', (_, build, minimum, maximum) => {
    const bounds = boundsOf(build(symbol('N')), { N: { minimum: 1, maximum: 64 } })
    if (minimum !== undefined) expect(bounds.minimum).toBe(minimum)
    if (maximum !== undefined) expect(bounds.maximum).toBe(maximum)
    for (let n = 1; n <= 64; n++) {
      const value = evaluateDim(build(n), {})
      expect(bounds.minimum).toBeLessThanOrEqual(value)
      expect(bounds.maximum).toBeGreaterThanOrEqual(value)
    }
  })

  test('refuses sizes beyond the limit', () => {
    expect(() => multiply(2 ** 20, 2 ** 20)).toThrow(DimensionError)
    expect(() => floorDivide(3, 0)).toThrow(DimensionError)
  })
})
