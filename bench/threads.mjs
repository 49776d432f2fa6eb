// Two threads over one, in Node and in Chromium, and Chromium beside Node:
//   node bench/threads.mjs [--rounds N] [--milliseconds N] [--only REGEX] [--build plain|relaxed] [--keep]
// All four take turns in every round. Tables go to the terminal and bench/results/latest/, with `--keep` into docs/performance.md too.
// Needs `npm run build`, and Chromium (CHROMIUM_PATH, or on the PATH).
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBrowser } from './browser-contestants.mjs'
import { keeps, machine, measuredJson, option, partDone, progress } from './command-line.mjs'
import { compileWorkload } from './compiled.mjs'
import { startProcess } from './contestant-process.mjs'
import { root } from './import-source.mjs'
import { figure, replaceBlock, table, times } from './markdown.mjs'
import { ratioOf, takeRounds, timesOf } from './rounds.mjs'
import { workloads } from './workloads.mjs'

const rounds = option('rounds', 15)
const milliseconds = option('milliseconds', 250)
const only = new RegExp(option('only', '.'))
const build = option('build', 'relaxed')
const keep = keeps('only', 'build')

const folder = mkdtempSync(join(tmpdir(), 'nnc-bench-'))
const browser = await startBrowser()
const results = {}
try {
  for (const [id, workload] of Object.entries(workloads).filter(([name]) => only.test(name))) {
    progress(`${id}: compiling`)
    const started = performance.now()
    const threaded = `${build}-threads`
    const modules = await compileWorkload(id, workload, [build, threaded], folder)
    const inNode = (name, path, threads) => ({
      name,
      start: () => startProcess(process.execPath, [join(root, 'bench/nnc.mjs'), id, path, String(threads), 'copying']),
    })
    const contestants = [
      inNode('node-1', modules[build], 1),
      inNode('node-2', modules[threaded], 2),
      browser.contestant('chromium-1', id, modules[build], 1),
      browser.contestant('chromium-2', id, modules[threaded], 2),
    ]
    results[id] = await takeRounds(contestants, {
      rounds,
      milliseconds,
      progress: (message) => progress(`${id}: ${message}`),
    })
    partDone(id, results[id], started)
    for (const { contestant, ready } of results[id])
      if (ready && ready.threads !== Number(contestant.at(-1))) console.error(`  ${contestant}: ${ready.obstacle}`)
  }
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}
progress('')

const facts = { machine: machine(), chromium: browser.version, build, rounds, milliseconds }
const text = `${facts.machine.processor}, ${facts.machine.cores} cores, Node ${facts.machine.node}, Chromium ${facts.chromium}, ${build} build, ${facts.machine.date.slice(0, 10)}; ${rounds} rounds. Milliseconds a step are medians; a speed-up is the median of the rounds' ratios, in brackets that of the fastest steps.\n\n${speedTable()}`
console.log(text)
const latest = join(root, 'bench/results/latest')
mkdirSync(latest, { recursive: true })
const json = measuredJson({ ...facts, results })
writeFileSync(join(latest, 'threads.json'), json)
writeFileSync(join(latest, 'threads.md'), `${text}\n`)
if (keep) {
  replaceBlock(join(root, 'docs/performance.md'), 'threads', text)
  writeFileSync(join(root, `bench/results/${facts.machine.date.slice(0, 10)}-threads.json`), json)
}

function speedTable() {
  const rows = Object.entries(results).map(([id, contestants]) => {
    const [node1, node2, chromium1, chromium2] = contestants.map((own) => (own.rounds.some(Boolean) ? own : undefined))
    const time = (own) => own && figure(timesOf(own).median)
    const gain = (one, two) =>
      one && two && `${times(ratioOf(one, two))} (${times(timesOf(one).minimum / timesOf(two).minimum)})`
    return [
      `${id} ${workloads[id].title}`,
      ...[time(node1), time(node2), gain(node1, node2)],
      ...[time(chromium1), time(chromium2), gain(chromium1, chromium2)],
      chromium1 && node1 && times(ratioOf(chromium1, node1)),
    ]
  })
  const places = ['Node, one', 'two', 'speed-up', 'Chromium, one', 'two', 'speed-up', 'Chromium over Node, one']
  return table([['workload', ...places], ...rows])
}
