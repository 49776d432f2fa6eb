// This project: node bench/nnc.mjs WORKLOAD MODULE.wasm [THREADS] [copying]
// A product's operands stay in the module's memory unless `copying` is said, as `predict` does.
import { readFileSync } from 'node:fs'
import { load } from '../dist/runtime/index.js'
import { switchOn } from './engine-flags.mjs'
import { residentProduct, stepOf } from './model-step.mjs'
import { takeTurns } from './take-turns.mjs'
import { workloads } from './workloads.mjs'

const [id, file, threads = '1', operands] = process.argv.slice(2)
switchOn(file)
const wasm = readFileSync(file)
const workload = workloads[id]
const model = await load(wasm, { threads: Number(threads) })
const { build, manifest } = model
const resident = workload.kind === 'product' && operands !== 'copying'
const step = resident ? await residentProduct(wasm, manifest, workload) : stepOf(model, workload)
await takeTurns(step, { build, threads: model.threads, memoryBytes: manifest.memory.total })
