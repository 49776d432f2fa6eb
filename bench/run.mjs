// npm run bench: this project beside its peers, one thread each, in turn within every round.
//   node bench/run.mjs [--rounds N] [--milliseconds N] [--only REGEX] [--without REGEX] [--keep]
// All contestants of a workload are started, then take turns; ratios are taken within a round, and their medians over the rounds
// are printed and written to bench/results/latest/ as JSON, Markdown and a picture. `--only` chooses workloads, `--without`
// leaves contestants out, `--no-compiling` the time of `nnc build`, `--keep` also puts tables and picture into docs/performance.md and the figures into bench/results/.
// Needs `npm run build` (npm does it). PyTorch takes part where a Python has it: /usr/bin/python3, or the one PYTHON names.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measureBuilds } from './cold-builds.mjs'
import {
  installPeers,
  isGiven,
  keeps,
  machine,
  newerNode,
  option,
  partDone,
  progress,
  pythonWithTorch,
} from './command-line.mjs'
import { contestants, writeOnnx } from './contestants.mjs'
import { saveResults, writeReport } from './report.mjs'
import { takeRounds } from './rounds.mjs'
import { workloads } from './workloads.mjs'

const rounds = option('rounds', 9)
const milliseconds = option('milliseconds', 300)
const only = new RegExp(option('only', '.'))
const without = new RegExp(option('without', '^$'))
const keep = keeps('only', 'without', 'no-compiling')
installPeers()
const { compileProbes, compileWorkload, simdBuilds } = await import('./compiled.mjs')

const folder = mkdtempSync(join(tmpdir(), 'nnc-bench-'))
try {
  const [node24, python] = [newerNode(), pythonWithTorch()]
  const onnxFolder = join(folder, 'onnx')
  mkdirSync(onnxFolder)
  const builds = await simdBuilds()
  const probes = await compileProbes(builds, folder)
  const operations = Object.fromEntries(builds.map((build) => [build, probes[build].operations]))
  writeOnnx(python, onnxFolder)
  const everybody = contestants({ node24, python, onnxFolder })
  const results = {}
  for (const [id, workload] of Object.entries(workloads).filter(([name]) => only.test(name))) {
    progress(`${id}: compiling`)
    const started = performance.now()
    const modules = await compileWorkload(id, workload, builds, folder)
    const taking = everybody
      .filter(({ name, takes }) => !without.test(name) && takes(workload, modules))
      .map(({ name, start }) => ({ name, start: () => start(id, modules, probes) }))
    results[id] = await takeRounds(taking, {
      rounds,
      milliseconds,
      progress: (message) => progress(`${id}: ${message}`),
    })
    partDone(id, results[id], started)
    saveResults({ machine: machine(), rounds, milliseconds, operations, results })
  }
  progress('compiling from an empty cache')
  const compiling = isGiven('no-compiling') ? [] : measureBuilds(Math.min(rounds, 3))
  progress('')
  await writeReport(
    { machine: machine(), newer: versionOf(node24), rounds, milliseconds, operations, results, compiling },
    keep,
  )
} finally {
  rmSync(folder, { recursive: true })
}

/** "v24.21.0" */
function versionOf(node) {
  return node && execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
}
