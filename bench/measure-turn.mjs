// How long a step takes, in any of the places where a contestant may live: a process of Node, a worker of a page.

/** A sample takes at least so many milliseconds: shorter ones drown in the clock's steps, 5 µs in a page. */
const SHORTEST_SAMPLE = 0.5
/** Share of a turn that is not measured: caches fill, clocks of the processor rise. */
const SETTLING = 0.15

/** Runs `step` until the engine has had time to optimise it; gives what its first five calls gave. */
export async function warmUp(step, milliseconds) {
  const losses = []
  const start = performance.now()
  while (losses.length < 5 || performance.now() - start < milliseconds) losses.push(await step())
  return losses.slice(0, 5)
}

/** Milliseconds a step in samples over about `milliseconds`; at least one step, however long it takes. */
export async function measureTurn(step, milliseconds) {
  let steps = 0
  const timed = async (calls) => {
    const start = performance.now()
    for (let call = 0; call < calls; call++) {
      const result = step()
      if (result instanceof Promise) await result
    }
    steps += calls
    return (performance.now() - start) / calls
  }
  const start = performance.now()
  let last = await timed(1)
  const times = []
  if (last >= milliseconds / 2) times.push(last)
  else {
    const calls = () => Math.max(1, Math.ceil(SHORTEST_SAMPLE / last))
    while (performance.now() - start < SETTLING * milliseconds) last = await timed(calls())
    const measured = calls()
    while (times.length === 0 || performance.now() - start < milliseconds) times.push(await timed(measured))
  }
  times.sort((a, b) => a - b)
  return { median: times[times.length >> 1], minimum: times[0], steps }
}
