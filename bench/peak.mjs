// The most a build can do, multiplying and adding in registers: node bench/peak.mjs MODULE.wasm
import { readFileSync } from 'node:fs'
import { switchOn } from './engine-flags.mjs'
import { takeTurns } from './take-turns.mjs'

const [file] = process.argv.slice(2)
switchOn(file)
const { instance } = await WebAssembly.instantiate(readFileSync(file))
const STEPS = 4000
await takeTurns(() => {
  instance.exports.multiplyAdd(STEPS)
  return 0
})
