// A contestant's side of the benchmark in a process of Node: it gets ready, says the losses of its first steps, and then
// measures whenever a line with a number of milliseconds arrives.
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { measureTurn, warmUp } from './measure-turn.mjs'

/** Serves turns until the standard input ends. `step` does one step and gives its loss, or a promise of it. */
export async function takeTurns(step, facts = {}) {
  const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
  // What getting ready has used goes back before the first step, as it does at once in Python.
  globalThis.gc?.()
  const begun = performance.now()
  const losses = await warmUp(step, Number(process.env.BENCH_WARM_MS ?? 1000))
  say({ losses, milliseconds: performance.now() - begun, ...facts })
  for await (const line of createInterface({ input: process.stdin })) {
    const turn = await measureTurn(step, Number(line))
    say({ ...turn, peakBytes: peakBytes() })
  }
  process.exit(0)
}

/** The most memory this process has had. On Linux `resourceUsage` would count what the process that started it had. */
function peakBytes() {
  if (!existsSync('/proc/self/status')) return 1024 * process.resourceUsage().maxRSS
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])
}
