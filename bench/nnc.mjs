// This project: node bench/nnc.mjs WORKLOAD MODULE.wasm [THREADS]
import { readFileSync } from 'node:fs'
import { load } from '../dist/runtime/index.js'
import { switchOn } from './engine-flags.mjs'
import { stepOf } from './model-step.mjs'
import { takeTurns } from './take-turns.mjs'
import { workloads } from './workloads.mjs'

const [id, file, threads = '1'] = process.argv.slice(2)
switchOn(file)
const model = await load(readFileSync(file), { threads: Number(threads) })
await takeTurns(stepOf(model, workloads[id]), { build: model.build, threads: model.threads })
