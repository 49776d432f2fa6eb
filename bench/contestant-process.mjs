// The benchmark's side of a contestant in a process of its own.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A contestant that says nothing for so long has failed. */
const PATIENCE = 240_000
const LONGEST_COMPLAINT = 2000

/**
 * Starts `program` and waits until it is ready.
 * @returns a session: what it said when ready, `turn(milliseconds)`, and `close()`
 */
export async function startProcess(program, words, environment = {}) {
  const child = spawn(program, words, {
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (text) => {
    complaint = (complaint + text).slice(-LONGEST_COMPLAINT)
  })
  let waiting
  const answer = (settle, value) => {
    clearTimeout(waiting?.timer)
    const own = waiting
    waiting = undefined
    own?.[settle](value)
  }
  const failed = (reason) => new Error(`${words.join(' ')}: ${reason}\n${complaint.trim()}`)
  child.on('error', (error) => answer('reject', error))
  child.on('exit', (code, signal) => answer('reject', failed(`ended with ${signal ?? `code ${code}`}`)))
  child.stdin.on('error', () => {})
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) answer('resolve', JSON.parse(line))
  })
  const next = () =>
    new Promise((resolve, reject) => {
      if (child.exitCode !== null || child.signalCode !== null) return reject(failed('has ended'))
      const timer = setTimeout(() => {
        child.kill('SIGKILL')
        answer('reject', failed(`said nothing for ${PATIENCE / 1000} seconds`))
      }, PATIENCE)
      waiting = { resolve, reject, timer }
    })
  const ready = await next()
  return {
    ready,
    turn(milliseconds) {
      const result = next()
      child.stdin.write(`${milliseconds}\n`)
      return result
    },
    close() {
      child.stdin.end()
      return child.exitCode !== null || child.signalCode !== null
        ? Promise.resolve()
        : new Promise((resolve) => {
            const patience = setTimeout(() => child.kill('SIGKILL'), 3000)
            child.once('exit', () => {
              clearTimeout(patience)
              resolve()
            })
          })
    },
  }
}
