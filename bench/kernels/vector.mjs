// Nanoseconds per element of the vector functions over 4096 elements in the first-level cache, one vector or two independent vectors an
// iteration: node bench/kernels/vector.mjs [plain|relaxed|wide]
import { fastest, instantiate } from './load.mjs'

const [buildName = 'plain'] = process.argv.slice(2)
const calls = {
  ...Object.fromEntries(
    ['exp', 'log', 'tanh', 'sigmoid', 'erf', 'sin', 'cos', 'sign', 'rsqrt', 'reciprocal'].map((name) => [
      name,
      (x) => `${name}(${x})`,
    ]),
  ),
  pow: (x) => `pow(${x}, f32x4.splat(2.5))`,
  uniform: (x) => `uniform4(1, 2, 3, ${x})`,
  normal: (x) => `normal4(1, 2, 3, ${x})`,
}
const loop = (name, call, vectors) => `
export function ${name}${vectors}(out: usize, x: usize, count: i32): void {
  for (let i = 0; i < count; i += ${4 * vectors}) {
    const at = <usize>i << 2
    ${Array.from({ length: vectors }, (_, v) => `const y${v} = ${call(`v128.load(x + at, ${16 * v})`)}`).join('\n    ')}
    ${Array.from({ length: vectors }, (_, v) => `v128.store(out + at, y${v}, ${16 * v})`).join('\n    ')}
  }
}`
const source = `
import { exp, log, tanh, sigmoid, erf, sin, cos, sign, rsqrt, reciprocal, pow } from './vector'
import { uniform4, normal4 } from './random'
${Object.entries(calls)
  .flatMap(([name, call]) => [loop(name, call, 1), loop(name, call, 2)])
  .join('\n')}
`
const count = 4096
const exports = await instantiate(source, { build: buildName, memoryBytes: 8 * count })
const floats = new Float32Array(exports.memory.buffer)
for (let i = 0; i < count; i++) floats[i] = Math.random() * 4 - 1
const names = Object.keys(calls).flatMap((name) => [`${name}1`, `${name}2`])
const best = fastest(Object.fromEntries(names.map((name) => [name, () => exports[name](4 * count, 0, count)])))
console.log(`${process.version} ${buildName}, ns per element: one vector at a time, two`)
for (const name of Object.keys(calls)) {
  const [one, two] = [1, 2].map((vectors) => (best[`${name}${vectors}`] / count).toFixed(2).padStart(7))
  console.log(`${name.padEnd(12)}${one}${two}`)
}
