// npm run bench: this project beside its peers, interleaved in one run.
//   node bench/run.mjs [--rounds N] [--only REGEX]
// Every contestant runs in a process of its own, in turn, ROUNDS times; the ratio is taken round by round, and the
// medians over the rounds are printed and written to bench/results/latest.json. Needs `npm run build` (npm does it).
// PyTorch takes part where a python3 has it: /usr/bin/python3, or the one PYTHON names.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { workloads } from './workloads.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..')
const flag = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : process.argv[at + 1]
}
const rounds = Number(flag('rounds', 5))
const only = new RegExp(flag('only', '.'))

if (!existsSync(join(here, 'node_modules'))) {
  console.log('installing the peers into bench/node_modules')
  execFileSync('npm', ['ci', '--prefix', here, '--no-audit', '--no-fund'], { stdio: 'inherit' })
}

const python = process.env.PYTHON ?? '/usr/bin/python3'
const pythonHasTorch = spawnSync(python, ['-c', 'import torch']).status === 0
const revectorises = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' }).includes(
  '--experimental-wasm-revectorize',
)
const contestants = [
  { name: 'nnc-plain', run: (id) => [join(here, 'nnc.mjs'), id, 'plain'] },
  { name: 'nnc-relaxed', run: (id) => [join(here, 'nnc.mjs'), id, 'relaxed'] },
  { name: 'nnc-wide', run: (id) => [join(here, 'nnc.mjs'), id, 'wide'], takes: () => revectorises },
  {
    name: 'tfjs-wasm',
    run: (id) => [join(here, 'peers/tfjs.mjs'), id],
    takes: ({ kind, predicts }) => ['mlp', 'tiny', 'cnn'].includes(kind) && !predicts,
  },
  { name: 'torch', program: python, run: (id) => [join(here, 'peers/pytorch.py'), id], takes: () => pythonHasTorch },
]

function once(program, command) {
  const environment = { ...process.env, OMP_NUM_THREADS: '1' }
  const { stdout, stderr, status } = spawnSync(program, command, { encoding: 'utf8', env: environment })
  const line = stdout.split('\n').find((text) => text.startsWith('{'))
  if (status !== 0 || !line) throw new Error(`${command.join(' ')} failed:\n${stderr}`)
  return JSON.parse(line)
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
const results = []
for (const id of Object.keys(workloads).filter((name) => only.test(name))) {
  for (let round = 1; round <= rounds; round++) {
    for (const { name, program, run, takes } of contestants)
      if (takes === undefined || takes(workloads[id]))
        results.push({ round, ...once(program ?? process.execPath, run(id)), contestant: name })
    process.stderr.write(`${id} round ${round} of ${rounds}\r`)
  }
}

const cell = (workload, contestant) =>
  results.filter((result) => result.workload === workload && result.contestant === contestant)
const rows = []
for (const workload of new Set(results.map((result) => result.workload))) {
  const ours = Object.fromEntries(['nnc-plain', 'nnc-relaxed'].map((name) => [name, cell(workload, name)]))
  for (const { name } of contestants) {
    const runs = cell(workload, name)
    if (runs.length === 0) continue
    const ratio = (own) => median(runs.map((run, round) => run.msMedian / ours[own][round].msMedian))
    rows.push({
      workload,
      contestant: name,
      'ms / step': median(runs.map((run) => run.msMedian)).toPrecision(3),
      fastest: Math.min(...runs.map((run) => run.msMinimum)).toPrecision(3),
      'over plain': ratio('nnc-plain').toFixed(2),
      'over relaxed': ratio('nnc-relaxed').toFixed(2),
      'loss 0': runs[0].loss0.toFixed(4),
      'loss 4': runs[0].loss4.toFixed(4),
    })
  }
}
console.log(`${cpus()[0].model}, Node ${process.version}, ${rounds} rounds, one thread`)
console.table(rows)

const compileTimes = measureCompile()
console.table(compileTimes)
mkdirSync(join(here, 'results'), { recursive: true })
const report = { machine: cpus()[0].model, node: process.version, rounds, rows, compileTimes, results }
writeFileSync(join(here, 'results/latest.json'), `${JSON.stringify(report, null, 1)}\n`)

/** The digits example: whole-process time of `nnc build` from an empty cache and again, and the artifact's size. */
function measureCompile() {
  const folder = mkdtempSync(join(tmpdir(), 'nnc-bench-'))
  const times = { cold: [], cached: [] }
  for (let round = 0; round < rounds; round++) {
    const environment = { ...process.env, NNC_CACHE: join(folder, `cache-${round}`) }
    for (const kind of ['cold', 'cached']) {
      const before = performance.now()
      const command = ['dist/cli/main.js', 'build', 'examples/digits/digits.nn', '-o', join(folder, 'out')]
      const { status, stderr } = spawnSync(process.execPath, command, { cwd: root, env: environment, encoding: 'utf8' })
      if (status !== 0) throw new Error(stderr)
      times[kind].push((performance.now() - before) / 1000)
    }
  }
  const out = join(folder, 'out')
  const files = readdirSync(out).filter((name) => /\.(wasm|js)$/.test(name))
  const sizes = Object.fromEntries(
    files.map((name) => [
      name,
      `${statSync(join(out, name)).size} bytes, ${gzipSync(readFileSync(join(out, name)), { level: 9 }).length} gzipped`,
    ]),
  )
  rmSync(folder, { recursive: true })
  return { 'cold (s)': median(times.cold).toFixed(2), 'cached (s)': median(times.cached).toFixed(2), ...sizes }
}
