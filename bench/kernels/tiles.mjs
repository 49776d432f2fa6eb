// The inner loop of the matrix product alone, in the first-level cache, for many shapes of tile: node bench/kernels/tiles.mjs [plain|relaxed|wide]
// Columns: how A is read (packed beside each other, or through one pointer a row) and how many steps of k an iteration takes.
import { fastest, instantiate } from './load.mjs'

const [buildName = 'plain'] = process.argv.slice(2)
const depth = 256
const range = (count) => [...Array(count).keys()]
const shapes =
  buildName === 'wide'
    ? [
        [4, 4],
        [5, 4],
        [6, 4],
        [7, 4],
        [3, 6],
        [2, 8],
      ]
    : [
        [4, 2],
        [5, 2],
        [6, 2],
        [7, 2],
        [3, 3],
        [4, 3],
        [12, 1],
        [2, 4],
      ]
const variants = ['packed', 'pointers'].flatMap((reading) => [1, 2, 4].map((unroll) => ({ reading, unroll })))

function tile(name, rows, vectors, reading, unroll) {
  const accumulators = range(rows).flatMap((i) => range(vectors).map((j) => [i, j]))
  const step = (u) => {
    const loads = range(vectors).map((j) => `const b${j}u${u} = v128.load(b, ${16 * (u * vectors + j)})`)
    const products = range(rows).flatMap((i) => [
      reading === 'packed'
        ? `const x${i}u${u} = v128.load_splat<f32>(a0, ${4 * (u * rows + i)})`
        : `const x${i}u${u} = v128.load_splat<f32>(a${i}, ${4 * u})`,
      ...range(vectors).map((j) => `s${i}s${j} = madd(x${i}u${u}, b${j}u${u}, s${i}s${j})`),
    ])
    return [...loads, ...products].join('\n    ')
  }
  const advance =
    reading === 'packed'
      ? `a0 += ${4 * rows * unroll}`
      : range(rows)
          .map((i) => `a${i} += ${4 * unroll}`)
          .join(', ')
  return `export function ${name}(c: usize, a0: usize, b: usize, depth: i32, row: usize): void {
  ${accumulators.map(([i, j]) => `let s${i}s${j} = f32x4.splat(0)`).join('\n  ')}
  ${
    reading === 'packed'
      ? ''
      : range(rows)
          .slice(1)
          .map((i) => `let a${i} = a0 + ${i} * row`)
          .join('\n  ')
  }
  for (let p = 0; p < depth; p += ${unroll}) {
    ${range(unroll).map(step).join('\n    ')}
    ${advance}
    b += ${16 * vectors * unroll}
  }
  ${accumulators.map(([i, j], at) => `v128.store(c, s${i}s${j}, ${16 * at})`).join('\n  ')}
}`
}

const tiles = shapes.flatMap(([rows, vectors]) =>
  variants.map(({ reading, unroll }) => ({
    name: `tile${rows}x${vectors * 4}${reading}${unroll}`,
    rows,
    vectors,
    reading,
    unroll,
  })),
)
const source = `import { madd } from './vector'
${tiles.map(({ name, rows, vectors, reading, unroll }) => tile(name, rows, vectors, reading, unroll)).join('\n')}`
const exports = await instantiate(source, { build: buildName, memoryBytes: 1 << 18 })
new Float32Array(exports.memory.buffer).forEach((_, i, floats) => {
  floats[i] = Math.random() - 0.5
})
const best = fastest(
  Object.fromEntries(tiles.map(({ name }) => [name, () => exports[name](0, 4096, 65536, depth, depth * 4)])),
  { rounds: 20, milliseconds: 1 },
)
console.log(`${process.version} ${buildName}, GFLOP/s`)
console.table(
  Object.fromEntries(
    shapes.map(([rows, vectors]) => [
      `${rows}×${vectors * 4}`,
      Object.fromEntries(
        variants.map(({ reading, unroll }) => [
          `${reading} ${unroll}`,
          Number(((8 * rows * vectors * depth) / best[`tile${rows}x${vectors * 4}${reading}${unroll}`]).toFixed(1)),
        ]),
      ),
    ]),
  ),
)
