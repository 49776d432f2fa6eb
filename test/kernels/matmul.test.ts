import { beforeAll, describe, expect, it } from 'vitest'
import { matmulScratchBytes, narrowTile } from '../../compiler/5-fuse/product-scratch.ts'
import { builds, compileKernels, type KernelModule } from './library.ts'

const source = `
import { matmul } from './matmul'
export function product(c: usize, a: usize, b: usize, m: i32, n: i32, k: i32, aRow: i32, aColumn: i32, bRow: i32, bColumn: i32,
  cRow: i32, accumulate: bool, scratch: usize): void {
  matmul(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, cRow, accumulate, scratch)
}
`

interface Case {
  readonly m: number
  readonly n: number
  readonly k: number
  /** Operands stored transposed. */
  readonly aTransposed?: boolean
  readonly bTransposed?: boolean
  readonly accumulate?: boolean
  /** Words between the end of a row and the next. */
  readonly gap?: number
  /** Words between neighbours in a row. */
  readonly spread?: number
}

const memoryBytes = 48 << 20

describe.each(builds)('matmul, %s build', (build) => {
  let module: KernelModule
  let floats: Float32Array
  beforeAll(async () => {
    module = await compileKernels(source, build, memoryBytes)
    floats = new Float32Array(module.memory.buffer)
  })

  /** Runs one product and compares it with float64; words around C and behind the scratch must survive. */
  function check({ m, n, k, aTransposed, bTransposed, accumulate = false, gap = 0, spread = 1 }: Case): void {
    const aLong = (aTransposed ? m : k) * spread + gap
    const bLong = (bTransposed ? k : n) * spread + gap
    const aRow = aTransposed ? spread : aLong
    const aColumn = aTransposed ? aLong : spread
    const bRow = bTransposed ? spread : bLong
    const bColumn = bTransposed ? bLong : spread
    const cRow = n + gap
    const align = (words: number) => Math.ceil(words / 16) * 16
    const a = 16
    const b = a + align(aLong * (aTransposed ? k : m)) + 16
    const c = b + align(bLong * (bTransposed ? n : k)) + 16
    const scratch = c + align(cRow * m) + 16
    const scratchWords = matmulScratchBytes(m, n, k, narrowTile) / 4
    const end = scratch + scratchWords + 16
    expect(end).toBeLessThanOrEqual(floats.length)
    const guard = 12345.5
    floats.fill(guard, 0, end)
    let state = 7
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.fround(state / 2 ** 31 - 1)
    }
    for (let i = a; i < b - 16; i++) floats[i] = random()
    for (let i = b; i < c - 16; i++) floats[i] = random()
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) floats[c + i * cRow + j] = random()
    const before = floats.slice(0, end)

    const at = (offset: number) => offset * 4
    module.call(
      'product',
      at(c),
      at(a),
      at(b),
      m,
      n,
      k,
      aRow,
      aColumn,
      bRow,
      bColumn,
      cRow,
      Number(accumulate),
      at(scratch),
    )

    const wrong: string[] = []
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const place = c + i * cRow + j
        let sum = accumulate ? before[place]! : 0
        let magnitude = Math.abs(sum)
        for (let p = 0; p < k; p++) {
          const term = before[a + i * aRow + p * aColumn]! * before[b + p * bRow + j * bColumn]!
          sum += term
          magnitude += Math.abs(term)
        }
        if (!(Math.abs(floats[place]! - sum) <= 1e-6 * magnitude))
          wrong.push(`(${i}, ${j}): ${floats[place]} not ${sum}`)
        before[place] = floats[place]!
      }
    }
    for (let i = 0; i < scratch; i++) if (floats[i] !== before[i]) wrong.push(`word ${i} of the operands changed`)
    for (let i = end - 16; i < end; i++) if (floats[i] !== guard) wrong.push('written behind the scratch')
    expect(wrong.slice(0, 5), JSON.stringify({ m, n, k, aTransposed, bTransposed, accumulate, gap, spread })).toEqual(
      [],
    )
  }

  const edges = [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 17, 33]
  const layouts = [
    {},
    { bTransposed: true },
    { aTransposed: true },
    { aTransposed: true, bTransposed: true },
  ] satisfies Partial<Case>[]

  it.each(layouts)('any small size, %o', (layout) => {
    for (const m of edges)
      for (const n of edges) for (const k of edges) check({ m, n, k, ...layout, accumulate: (m + n + k) % 2 === 1 })
  })
  it('strides beyond the row and between neighbours', () => {
    for (const layout of layouts) {
      for (const [m, n, k] of [
        [5, 7, 9],
        [1, 10, 33],
        [33, 1, 12],
        [40, 40, 40],
        [1, 64, 64],
        [64, 3, 64],
      ] as const) {
        for (const accumulate of [false, true]) {
          check({ m, n, k, ...layout, accumulate, gap: 3 })
          check({ m, n, k, ...layout, accumulate, gap: 1, spread: 2 })
        }
      }
    }
  })
  it('sizes around and beyond the blocks', () => {
    for (const layout of layouts) {
      for (const [m, n, k] of [
        [63, 65, 257],
        [130, 30, 513],
        [30, 300, 700],
        [257, 129, 64],
        [16, 1030, 40],
        [600, 20, 30],
        [20, 260, 1030],
        [3, 43, 900],
        [4, 26, 800],
        [270, 6, 400],
      ] as const) {
        for (const accumulate of [false, true]) check({ m, n, k, ...layout, accumulate })
      }
    }
  })
  it('the products of a training step', () => {
    for (const batch of [1, 32, 37]) {
      for (const [inputs, outputs] of [
        [784, 256],
        [256, 128],
        [128, 10],
      ] as const) {
        check({ m: batch, n: outputs, k: inputs })
        check({ m: batch, n: inputs, k: outputs, bTransposed: true })
        check({ m: inputs, n: outputs, k: batch, aTransposed: true, accumulate: true })
        check({ m: outputs, n: inputs, k: batch, aTransposed: true })
      }
    }
  })
  it.each([45, 2, 7, 16].flatMap((n) => [{ n }, { n, bTransposed: true }]))(
    'the bits of a row do not depend on the number of rows, %o',
    ({ n, bTransposed }: Pick<Case, 'n' | 'bTransposed'>) => {
      const [k, words] = [800, 1 << 20]
      const b = bTransposed ? [1, k] : [n, 1]
      for (let i = 0; i < words; i++) floats[i] = Math.sin(i)
      const rowsOf = (m: number) => {
        module.call('product', words * 12, 0, words * 4, m, n, k, k, 1, ...b, n, 0, words * 16)
        return floats.slice(words * 3, words * 3 + m * n)
      }
      const many = rowsOf(300)
      for (const m of bTransposed ? [2, 3, 4, 32, 259] : [1, 2, 3, 4, 32, 259])
        expect(rowsOf(m)).toEqual(many.subarray(0, m * n))
    },
  )
})
