// Who takes part: this project's builds and its peers, each in a process of its own with one thread.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exportPrediction } from './compiled.mjs'
import { startProcess } from './contestant-process.mjs'
import { workloads } from './workloads.mjs'

const here = dirname(fileURLToPath(import.meta.url))
/** Instructions of 2013, as on the machine the goals were set on: OpenBLAS, ATen and oneDNN take wider ones where there are any. */
const avx2Only = {
  OPENBLAS_CORETYPE: 'Haswell',
  ATEN_CPU_CAPABILITY: 'avx2',
  ONEDNN_MAX_CPU_ISA: 'AVX2',
  DNNL_MAX_CPU_ISA: 'AVX2',
}

/** This project's contestants, by name: the build, and whether it runs on the newer Node. */
export const ownContestants = {
  'nnc-plain': { build: 'plain', newer: false },
  'nnc-relaxed': { build: 'relaxed', newer: false },
  'nnc-relaxed-24': { build: 'relaxed', newer: true },
  'nnc-wide-24': { build: 'wide', newer: true },
}

/**
 * Everybody who can take part here.
 * @param setting `{ node24, python, onnxFolder }`, the first two undefined where there is none
 * @returns `{ name, takes(workload), start(id, modules, probes) }`
 */
export function contestants({ node24, python, onnxFolder }) {
  const own = Object.entries(ownContestants).map(([name, { build, newer }]) => ({
    name,
    takes: (_workload, modules) => modules[build] !== undefined && (!newer || node24 !== undefined),
    start: (id, modules) => inNode(newer ? node24 : process.execPath, 'nnc.mjs', id, modules[build]),
  }))
  const peaks = [
    ['peak-128', 'relaxed'],
    ['peak-256', 'wide'],
  ].map(([name, build]) => ({
    name,
    takes: ({ kind }, modules) => kind === 'product' && node24 !== undefined && modules[build] !== undefined,
    start: (_id, _modules, probes) => inNode(node24, 'peak.mjs', probes[build].file),
  }))
  const torch = (name, environment) => ({
    name,
    takes: () => python !== undefined,
    start: (id) => startProcess(python, [script('peers/pytorch.py'), id], environment),
  })
  return [
    ...own,
    torch('torch', {}),
    torch('torch-avx2', avx2Only),
    {
      name: 'tfjs-wasm',
      takes: () => true,
      start: (id) => inNode(process.execPath, 'peers/tfjs.mjs', id),
    },
    {
      name: 'jax-js',
      takes: () => node24 !== undefined,
      start: (id) => inNode(node24, 'peers/jax.mjs', id),
    },
    {
      name: 'onnxruntime-web',
      takes: ({ kind, predicts }) => kind === 'product' || predicts === true,
      start: async (id, modules) => {
        const workload = workloads[id]
        if (!workload.predicts) return inNode(process.execPath, 'peers/onnxruntime.mjs', id)
        const own = await exportPrediction(id, workload, modules.plain, onnxFolder)
        const exported = join(onnxFolder, `${id}.onnx`)
        return inNode(process.execPath, 'peers/onnxruntime.mjs', id, own, ...(existsSync(exported) ? [exported] : []))
      },
    },
    ...peaks,
  ]
}

/** Has PyTorch, where there is one, write the models of the predictions as ONNX. */
export function writeOnnx(python, folder) {
  if (python === undefined) return
  const { status, stderr } = spawnSync(python, [script('peers/pytorch.py'), '--onnx', folder], { encoding: 'utf8' })
  if (status !== 0) console.error(`no models in ONNX from PyTorch: ${stderr.slice(-500)}`)
}

/** A script in this or that Node, with a way to collect garbage. */
function inNode(node, name, ...words) {
  return startProcess(node, ['--expose-gc', script(name), ...words])
}

function script(name) {
  return join(here, name)
}
