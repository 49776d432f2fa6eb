// What `npm run bench` says: tables, JSON and a picture.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawDots } from './charts.mjs'
import { measuredJson } from './command-line.mjs'
import { ownContestants } from './contestants.mjs'
import { root } from './import-source.mjs'
import { figure, mebibytes, percent, replaceBlock, table, times } from './markdown.mjs'
import { ratioOf, timesOf } from './rounds.mjs'
import { workloads } from './workloads.mjs'

const latest = join(root, 'bench/results/latest')
const own = Object.keys(ownContestants)
const peaks = { 'peak-128': 'relaxed', 'peak-256': 'wide' }
const peerNames = { 'tfjs-wasm': 'TensorFlow.js', 'jax-js': 'jax-js', 'onnxruntime-web': 'ONNX Runtime' }
const peers = ['torch', 'torch-avx2', ...Object.keys(peerNames)]

/** Prints the report and writes it to bench/results/latest/; with `keep` into the documentation too. */
export async function writeReport(report, keep) {
  const { machine, rounds, results, compiling, newer } = report
  const losses = lossesText(results)
  const head = [
    `${machine.processor}, ${machine.cores} cores, Node ${machine.node}${newer ? ` and ${newer}` : ''}, ${machine.date.slice(0, 10)}; ${rounds} rounds, one thread each`,
    ...versionsOf(results),
  ].join('; ')
  const sections = Object.entries({
    builds: buildsTable(results),
    losses,
    relaxed: ratiosTable(results, 'nnc-relaxed'),
    wide: ratiosTable(results, 'nnc-wide-24'),
    products: productsTable(report),
    memory: memoryTable(results),
    compiling: compiling.length > 0 ? compilingTable(compiling) : undefined,
  }).filter(([, text]) => text !== undefined)
  const details = Object.entries(results).map(
    ([id, contestants]) => `### ${workloads[id].title} (${id})\n\n${detailsTable(contestants)}`,
  )
  const text = [head, ...sections.map(([name, own]) => `## ${name}\n\n${own}`), ...details].filter(Boolean).join('\n\n')
  const picture = pictureOf(results, head.split('; ').slice(0, 2).join('; '))
  saveResults(report)
  writeFileSync(join(latest, 'report.md'), `${text}\n`)
  if (picture) writeFileSync(join(latest, 'peers.svg'), picture)
  console.log(text)
  if (!keep) return
  const page = join(root, 'docs/performance.md')
  for (const [name, own] of sections) replaceBlock(page, name, name === 'losses' ? own : `${head}.\n\n${own}`)
  replaceBlock(join(root, 'README.md'), 'training', trainingTable(results))
  writeFileSync(join(root, `bench/results/${machine.date.slice(0, 10)}.json`), measuredJson(report))
  if (picture) writeFileSync(join(root, 'docs/performance/peers.svg'), picture)
}

/** Keeps what has been measured so far. */
export function saveResults(report) {
  mkdirSync(latest, { recursive: true })
  writeFileSync(join(latest, 'report.json'), measuredJson(report))
}

/** Where the losses of steps 0 and 4 differ most from those of the plain build, relative to them. */
function lossesText(results) {
  const differences = Object.entries(results).flatMap(([id, contestants]) => {
    const plain = find(contestants, 'nnc-plain')
    if (!plain) return []
    return contestants
      .filter((result) => find(contestants, result.contestant) === result && !(result.contestant in peaks))
      .map(({ contestant, ready }) => ({
        where: `${id}, ${contestant}`,
        by: Math.max(...[0, 4].map((step) => Math.abs(ready.losses[step] / plain.ready.losses[step] - 1))),
      }))
  })
  const [most] = differences.sort((a, b) => b.by - a.by)
  return (
    most &&
    `The losses of steps 0 and 4 differ from those of the plain build by at most ${most.by.toExponential(1)} of them (${most.where}).`
  )
}

/** "PyTorch 1.13.0", … for the peers that took part. */
function versionsOf(results) {
  const all = Object.values(results).flat()
  const versions = Object.entries({ torch: 'PyTorch', ...peerNames }).flatMap(([contestant, name]) => {
    const version = all.find((result) => result.contestant === contestant && result.ready)?.ready.version
    return version ? [`${name} ${version}`] : []
  })
  return versions.length > 0 ? [versions.join(', ')] : []
}

function find(contestants, name) {
  return contestants.find(({ contestant, rounds }) => contestant === name && rounds.some(Boolean))
}

/** Milliseconds of each build, and how fast the plain one is beside the relaxed one. */
function buildsTable(results) {
  const rows = Object.entries(results).map(([id, contestants]) => {
    const cells = own.map((name) => {
      const result = find(contestants, name)
      const time = result && timesOf(result)
      return time && `${figure(time.median)} (${figure(time.minimum)})`
    })
    const [plain, relaxed, wide] = ['nnc-plain', 'nnc-relaxed', 'nnc-wide-24'].map((name) => find(contestants, name))
    return [
      `${id} ${workloads[id].title}`,
      ...cells,
      plain && relaxed && `${percent(ratioOf(relaxed, plain))} (${percent(fastestOver(relaxed, plain))})`,
      relaxed && wide && `${times(ratioOf(relaxed, wide))} (${times(fastestOver(relaxed, wide))})`,
    ]
  })
  return `Milliseconds a step, median (fastest).\n\n${table([['workload', 'plain', 'relaxed', 'relaxed, Node 24', 'wide, Node 24', 'speed of plain over relaxed', 'relaxed over wide'], ...rows])}`
}

function fastestOver(other, own) {
  return timesOf(other).minimum / timesOf(own).minimum
}

/** For the README: milliseconds of the training steps. */
function trainingTable(results) {
  const columns = {
    plain: 'nnc-plain',
    relaxed: 'nnc-relaxed',
    'wide (Node 24)': 'nnc-wide-24',
    'PyTorch, native': 'torch',
    'TensorFlow.js wasm': 'tfjs-wasm',
    'jax-js wasm': 'jax-js',
  }
  const rows = Object.entries(results)
    .filter(([id]) => id.startsWith('W') && workloads[id].kind !== 'product')
    .map(([id, contestants]) => [
      workloads[id].title,
      ...Object.values(columns).map((name) => {
        const result = find(contestants, name)
        return result && figure(timesOf(result).median)
      }),
    ])
  return table([['', ...Object.keys(columns)], ...rows])
}

/** How many times as long each peer takes as one of our builds. */
function ratiosTable(results, build) {
  const rows = Object.entries(results).flatMap(([id, contestants]) => {
    const ours = find(contestants, build)
    if (!ours) return []
    const cells = peers.map((name) => {
      const peer = find(contestants, name)
      return peer && `${times(ratioOf(peer, ours))} (${times(fastestOver(peer, ours))})`
    })
    return [[`${id} ${workloads[id].title}`, figure(timesOf(ours).median), ...cells]]
  })
  if (rows.length === 0) return undefined
  return `How many times as long each takes as \`${build}\`, whose milliseconds stand first; in brackets fastest step over fastest step.\n\n${table([['workload', build, 'PyTorch', 'PyTorch, AVX2', ...Object.values(peerNames)], ...rows])}`
}

/** GFLOP/s of the products, and their share of what the same instructions reach in registers, in the same rounds. */
function productsTable({ results, operations }) {
  const rows = Object.entries(results)
    .filter(([id]) => workloads[id].kind === 'product')
    .flatMap(([id, contestants]) => {
      const flops = 2 * workloads[id].size ** 3
      return contestants
        .filter(({ rounds }) => rounds.some(Boolean))
        .map((result) => {
          const peakName = peaks[result.contestant]
          const count = peakName ? operations[peakName] : flops
          const { median, minimum } = timesOf(result)
          const ofPeak = result.contestant.startsWith('nnc-wide') ? 'peak-256' : 'peak-128'
          const peak = result.contestant.startsWith('nnc') ? find(contestants, ofPeak) : undefined
          const scale = peak && flops / operations[peaks[ofPeak]]
          return [
            `${id} ${result.contestant}`,
            figure(count / median / 1e6),
            figure(count / minimum / 1e6),
            peak && percent(scale * ratioOf(peak, result)),
            peak && percent(scale * (timesOf(peak).minimum / minimum)),
            peak && ofPeak.slice(5),
          ]
        })
    })
  if (rows.length === 0) return undefined
  return table([
    ['product', 'GFLOP/s', 'fastest', 'share of the peak', 'fastest over fastest', 'bits of the peak'],
    ...rows,
  ])
}

/** The most memory the processes that train W5 have had. */
function memoryTable({ W5: contestants }) {
  if (!contestants) return undefined
  const most = (result) => Math.max(...result.rounds.filter(Boolean).map(({ peakBytes }) => peakBytes))
  const torch = find(contestants, 'torch')
  const rows = contestants
    .filter(({ rounds }) => rounds.some(Boolean))
    .map((result) => [
      result.contestant,
      mebibytes(most(result)),
      torch && percent(most(result) / most(torch)),
      mebibytes(result.ready.memoryBytes),
    ])
  return table([['training W5', 'process, at its largest', 'share of PyTorch’s', "the module's memory"], ...rows])
}

function compilingTable(compiling) {
  const rows = compiling.map(({ name, cold, cached, sizes }) => {
    const [wasm] = Object.entries(sizes)
      .filter(([file]) => file.endsWith('.relaxed.wasm'))
      .map(([, own]) => own)
    return [
      name,
      `${figure(cold)} s`,
      `${figure(cached)} s`,
      kilobytes(wasm?.bytes),
      kilobytes(wasm?.gzipped),
      kilobytes(wasm?.code),
    ]
  })
  const [digits] = compiling
  const files = Object.entries(digits.sizes).map(([file, { bytes, gzipped }]) => [
    file,
    kilobytes(bytes),
    kilobytes(gzipped),
  ])
  return [
    'Whole processes of `nnc build`, seconds by the clock; sizes are those of the relaxed module.',
    table([['model', 'empty cache', 'from the cache', 'module', 'gzipped', 'code section'], ...rows]),
    'The artifact of `digits`:',
    table([['file', 'bytes', 'gzipped'], ...files]),
  ].join('\n\n')
}

function kilobytes(bytes) {
  return bytes === undefined ? undefined : `${(bytes / 1000).toFixed(1)} KB`
}

function detailsTable(contestants) {
  const ours = own.map((name) => find(contestants, name))
  const rows = contestants.map((result) => {
    if (!result.rounds.some(Boolean)) return [result.contestant, 'failed']
    const { median, minimum } = timesOf(result)
    const losses =
      result.contestant in peaks ? [] : [result.ready.losses[0].toFixed(5), result.ready.losses[4].toFixed(5)]
    return [
      result.contestant,
      figure(median),
      figure(minimum),
      ...ours.map((build) => build && times(ratioOf(result, build))),
      ...losses,
    ]
  })
  const width = 5 + own.length
  const head = [
    'contestant',
    'ms, median',
    'fastest',
    ...own.map((name) => `over ${name.slice(4)}`),
    'loss 0',
    'loss 4',
  ]
  return table([head, ...rows.map((row) => [...row, ...Array(Math.max(0, width - row.length)).fill(undefined)])])
}

/** Everybody beside our relaxed build on the newer Node. */
function pictureOf(results, note) {
  const base = 'nnc-relaxed-24'
  const rows = Object.entries(results).flatMap(([id, contestants]) => {
    const ours = find(contestants, base)
    if (!ours) return []
    const values = Object.fromEntries(
      contestants
        .filter(({ contestant, rounds }) => !(contestant in peaks) && rounds.some(Boolean))
        .map((result) => [result.contestant, ratioOf(result, ours)]),
    )
    return [{ name: `${id} ${workloads[id].title}`, values }]
  })
  if (rows.length === 0) return undefined
  // As many as there are colours: the relaxed build stands there once.
  const names = [...own, ...peers].filter((name) => name !== 'nnc-relaxed' && rows.some(({ values }) => name in values))
  return drawDots({ title: `Time of a step, in times of ${base}`, note, contestants: names, rows, base: 1 })
}
