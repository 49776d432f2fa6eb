// What a training step costs against batch, width, depth and length of the sequence, on one thread and on two:
//   node bench/curves.mjs [--rounds N] [--milliseconds N] [--only REGEX] [--keep]
// All points of a curve take turns in every round; the fastest step and the median over the rounds are kept. Tables and a picture go to
// bench/results/latest/, with `--keep` into docs/performance.md and docs/performance/ too. Needs `npm run build`; takes some three minutes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from '../dist/runtime/index.js'
import { drawPanels } from './charts.mjs'
import { keeps, machine, measuredJson, option, partDone, progress } from './command-line.mjs'
import { compileWorkload } from './compiled.mjs'
import { switchOn } from './engine-flags.mjs'
import { root } from './import-source.mjs'
import { figure, replaceBlock, table, times } from './markdown.mjs'
import { measureTurn, warmUp } from './measure-turn.mjs'
import { ratioOf, takeRounds, timesOf } from './rounds.mjs'
import { classes, fill } from './workloads.mjs'

const rounds = option('rounds', 9)
const milliseconds = option('milliseconds', 120)
const only = new RegExp(option('only', '.'))
const keep = keeps('only')
const BATCHES = 4
const CHARACTERS = 65
const perceptron = { kind: 'mlp', activation: 'relu', widths: [784, 256, 128, 10] }
const transformer = { kind: 'gpt', layers: 4, width: 128, steps: 64, batch: 4 }

const curves = {
  batch: {
    title: 'MLP 784-256-128-10, by batch',
    across: 'rows in a batch',
    unit: 'row',
    values: [1, 4, 16, 64, 256, 1024],
    // One module for all: the batch is a run-time dimension.
    workload: (batch) => ({ ...perceptron, batch, module: { ...perceptron, batch: 1024 } }),
  },
  width: {
    title: 'MLP 784-w-w-10, batch 64, by width',
    across: 'width w',
    unit: 'unit of width',
    values: [32, 64, 128, 256, 512, 1024],
    workload: (width) => ({ ...perceptron, widths: [784, width, width, 10], batch: 64 }),
  },
  depth: {
    title: 'GPT 128 wide, 64 characters, batch 4, by blocks',
    across: 'blocks',
    unit: 'block',
    values: [1, 2, 4, 8, 16],
    workload: (layers) => ({ ...transformer, layers }),
  },
  length: {
    title: 'GPT 128 wide, 4 blocks, batch 4, by length',
    across: 'characters',
    unit: 'character',
    values: [32, 64, 128, 256, 512],
    workload: (steps) => ({ ...transformer, steps }),
  },
}

switchOn('.relaxed')
const folder = mkdtempSync(join(tmpdir(), 'nnc-bench-'))
const results = {}
try {
  for (const [name, curve] of Object.entries(curves).filter(([own]) => only.test(own))) {
    const started = performance.now()
    const contestants = []
    const compiled = new Map()
    for (const value of curve.values) {
      const { module, ...workload } = curve.workload(value)
      const key = JSON.stringify(module ?? workload)
      progress(`${name} ${value}: compiling`)
      const modules =
        compiled.get(key) ??
        (await compileWorkload(`${name}-${value}`, module ?? workload, ['relaxed', 'relaxed-threads'], folder))
      compiled.set(key, modules)
      for (const [threads, build] of [
        [1, 'relaxed'],
        [2, 'relaxed-threads'],
      ])
        contestants.push({ name: `${value} ${threads}`, start: () => startModel(modules[build], workload, threads) })
    }
    results[name] = await takeRounds(contestants, {
      rounds,
      milliseconds,
      progress: (message) => progress(`${name}: ${message}`),
    })
    partDone(name, results[name], started)
  }
} finally {
  rmSync(folder, { recursive: true })
}
progress('')
writeResults()

/** A model in this process, as a contestant; batches of rows nobody can learn by heart take turns. */
async function startModel(path, workload, threads) {
  const model = await load(readFileSync(path), { threads })
  model.init(1)
  const batches = Array.from({ length: BATCHES }, (_, seed) => batchFor(workload, 2 * seed + 7))
  let turn = 0
  const step = () => model.step('fit', batches[turn++ % BATCHES]).loss
  await warmUp(step, Number(process.env.BENCH_WARM_MS ?? 400))
  return {
    ready: { threads: model.threads },
    turn: (budget) => measureTurn(step, budget),
    close: () => model.close(),
  }
}

function batchFor({ kind, batch, widths, steps }, seed) {
  if (kind === 'mlp') return { x: fill(seed, batch * widths[0], Math.sqrt(3)), y: classes(seed + 1, batch, 10) }
  const text = (from) => ({ data: classes(seed + from, batch * steps, CHARACTERS), shape: [batch, steps] })
  return { x: text(0), y: text(1) }
}

function writeResults() {
  const facts = { machine: machine(), build: 'relaxed', rounds, milliseconds }
  const note = `${facts.machine.processor}, ${facts.machine.cores} cores, Node ${facts.machine.node}, relaxed build, ${facts.machine.date.slice(0, 10)}; ${rounds} rounds`
  const text = [
    `${note}. Milliseconds of a training step, optimizer included, medians (fastest); speed-up of two threads by medians of the rounds' ratios; time of one thread's step divided by what the curve is about.`,
    ...Object.entries(results).map(([name, own]) => `**${curves[name].title}**\n\n${curveTable(curves[name], own)}`),
  ].join('\n\n')
  const picture = drawPanels({
    title: 'Milliseconds of a training step',
    note: `${note}, fastest steps, both scales logarithmic`,
    panels: Object.entries(results).map(([name, own]) => ({
      title: curves[name].title,
      across: curves[name].across,
      up: 'ms',
      lines: [1, 2].map((threads) => ({
        name: threads === 1 ? 'one thread' : 'two threads',
        points: curves[name].values.flatMap((value) => {
          const time = timesOf(pointOf(own, value, threads))
          return time ? [[value, time.minimum]] : []
        }),
      })),
    })),
  })
  console.log(text)
  const json = measuredJson({ ...facts, results })
  const latest = join(root, 'bench/results/latest')
  mkdirSync(latest, { recursive: true })
  writeFileSync(join(latest, 'curves.json'), json)
  writeFileSync(join(latest, 'curves.md'), `${text}\n`)
  writeFileSync(join(latest, 'cost.svg'), picture)
  if (!keep) return
  replaceBlock(join(root, 'docs/performance.md'), 'curves', text)
  writeFileSync(join(root, 'docs/performance/cost.svg'), picture)
  writeFileSync(join(root, `bench/results/${facts.machine.date.slice(0, 10)}-curves.json`), json)
}

function pointOf(own, value, threads) {
  return own.find(({ contestant }) => contestant === `${value} ${threads}`)
}

function curveTable({ values, across, unit }, own) {
  const rows = values.map((value) => {
    const points = [1, 2].map((threads) => pointOf(own, value, threads))
    const [one, two] = points.map(timesOf)
    return [
      value,
      ...[one, two].map((time) => time && `${figure(time.median)} (${figure(time.minimum)})`),
      one && two && times(ratioOf(points[0], points[1])),
      one && `${figure((1000 * one.minimum) / value)} µs`,
    ]
  })
  return table([[across, 'one thread', 'two threads', 'speed-up', `one thread, for each ${unit}`], ...rows])
}
