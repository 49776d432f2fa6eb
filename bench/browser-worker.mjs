// A contestant in a page's worker: told what to load, it says when it is ready; then it measures for every number of milliseconds.
import { load } from '../runtime/index.ts'
import { measureTurn, warmUp } from './measure-turn.mjs'
import { stepOf } from './model-step.mjs'
import { workloads } from './workloads.mjs'

let step
addEventListener('message', async ({ data }) => {
  try {
    if (typeof data === 'number') return postMessage(await measureTurn(step, data))
    const model = await load(fetch(data.module), { threads: data.threads })
    step = stepOf(model, workloads[data.id])
    const losses = await warmUp(step, data.warm)
    postMessage({ losses, build: model.build, threads: model.threads, obstacle: model.obstacle })
  } catch (error) {
    postMessage({ error: String(error) })
  }
})
