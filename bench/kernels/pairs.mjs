// Which functions of a program's wide build V8's revectoriser turns to 256 bits, and where it gives up: node bench/kernels/pairs.mjs FILE.nn
// [filter], with Node 24. For each function: groups joined (stores next to each other, sums), of groups tried, and the last words of the trace
// about each that was not.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { compile } from '../../dist/compiler/index.js'

const [file, filter = ''] = process.argv.slice(2)
const { modules } = await compile(readFileSync(file, 'utf8'), { file, builds: ['wide'], names: true })
const flags = [
  '--experimental-wasm-revectorize',
  '--trace-wasm-revectorize',
  '--no-liftoff',
  '--no-wasm-lazy-compilation',
  '--wasm-num-compilation-tasks=0',
]
const loader = `new WebAssembly.Module(require('node:fs').readFileSync(0))`
const { stdout } = spawnSync(process.execPath, [...flags, '-e', loader], {
  input: modules.wide,
  encoding: 'utf8',
  maxBuffer: 1 << 30,
})
for (const part of stdout.split('Begin revec function ').slice(1)) {
  const [name] = part.split('\n', 1)
  if (!name.includes(filter)) continue
  const seeds = part.match(/Added a vector of stores|reduc\w* seed/gi)?.length ?? 0
  console.log(name.padEnd(44), part.includes('Decide to vectorize') ? 'joined' : 'as it was', seeds)
  for (const words of part.match(/^Revec: (?!NewPack|Print|BuildTreeRec|Decide|operator).*$/gm) ?? [])
    console.log(`    ${words}`)
}
