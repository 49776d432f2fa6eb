// What compiling costs: whole processes of `nnc build` from an empty cache and again, and what comes out.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from './import-source.mjs'
import { median } from './rounds.mjs'
import { sourceOf } from './sources.mjs'
import { workloads } from './workloads.mjs'

/** Seconds of processor time or by the clock, and bytes. */
export function measureBuilds(rounds) {
  const folder = mkdtempSync(join(tmpdir(), 'nnc-bench-'))
  const file = (name, workload) => {
    const path = join(folder, `${name}.nn`)
    writeFileSync(path, sourceOf(workload))
    return path
  }
  try {
    const models = [
      { name: 'digits', path: join(root, 'examples/digits/digits.nn'), rounds },
      { name: 'W5', path: file('W5', workloads.W5), rounds },
      { name: 'W5 with 12 blocks', path: file('W5-12', { ...workloads.W5, layers: 12 }), rounds: 1 },
      { name: 'W5 with 96 blocks', path: file('W5-96', { ...workloads.W5, layers: 96 }), rounds: 1 },
    ]
    return models.map((model) => measureBuild(model, folder))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function measureBuild({ name, path, rounds }, folder) {
  const times = { cold: [], cached: [] }
  const out = join(folder, 'out')
  for (let round = 0; round < rounds; round++) {
    const cache = join(folder, `cache-${name}-${round}`.replaceAll(' ', '-'))
    for (const kind of ['cold', 'cached']) {
      rmSync(out, { recursive: true, force: true })
      const before = performance.now()
      const { status, stderr } = spawnSync(process.execPath, ['dist/cli/main.js', 'build', path, '-o', out], {
        cwd: root,
        env: { ...process.env, NNC_CACHE: cache },
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(stderr)
      times[kind].push((performance.now() - before) / 1000)
    }
  }
  const sizes = Object.fromEntries(
    readdirSync(out)
      .filter((own) => /\.(wasm|js)$/.test(own))
      .map((own) => {
        const bytes = readFileSync(join(out, own))
        return [own, { bytes: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length, code: codeBytes(bytes) }]
      }),
  )
  return { name, cold: median(times.cold), cached: median(times.cached), sizes }
}

/** Bytes of a module's code section; undefined for what is no module. */
function codeBytes(bytes) {
  if (bytes.readUInt32BE(0) !== 0x0061736d) return undefined
  let at = 8
  const number = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const section = bytes[at++]
    const length = number()
    if (section === 10) return length
    at += length
  }
  return undefined
}
