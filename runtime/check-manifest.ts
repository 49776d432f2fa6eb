import { buildNames } from './builds.ts'
import { ModelError } from './error.ts'
import type { BuildName, Manifest, ManifestTensor } from './manifest.ts'
import { elementCount, namesIn, shapeValue } from './size.ts'
import { isStatistic } from './statistics.ts'

/** How a manifest must look: a word names a test below, `?` allows absence, [x] is a list of x. */
type Form = string | readonly [Form] | { readonly [key: string]: Form }

const tensor = { name: 'text', dtype: 'dtype', shape: ['size'], offset: 'offset', limit: '?size' } as const
const form: Form = {
  compiler: 'text',
  name: 'text',
  build: 'build',
  dims: [{ name: 'text', minimum: 'count', maximum: 'count' }],
  entries: [
    {
      ...{ name: 'text', export: 'text', kind: 'text', dims: ['text'], inputs: [tensor], outputs: [tensor] },
      shared: '?count',
    },
  ],
  variables: [{ ...tensor, kind: 'text' }],
  hypers: [{ name: 'text', offset: 'offset', default: 'number', minimum: '?number', maximum: '?number' }],
  trains: [
    {
      name: 'text',
      step: 'text',
      evaluate: 'text',
      metrics: [{ name: 'text', over: 'measure', better: '?text', unit: '?text' }],
      totals: [tensor],
      batch: '?count',
      epochs: '?count',
    },
  ],
  seedOffset: 'offset',
  stepOffset: 'offset',
}

const pretrainedForm: Form = [
  {
    name: 'text',
    file: 'text',
    tensors: [{ variable: 'text', tensor: 'text', order: '?axes', reshape: '?yes' }],
    unused: ['text'],
  },
]

const preparedForm: Form = { offset: 'offset', count: 'count' }

const threadsForm: Form = {
  control: 'offset',
  sleeping: ['offset'],
  privateOffset: 'offset',
  privateBytes: 'offset',
  maximum: 'count',
}

const tests: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: Number.isFinite,
  count: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  offset: (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) % 4 === 0,
  dtype: (value) => value === 'f32' || value === 'i32' || value === 'bool',
  measure: (value) =>
    value === 'batch' ||
    value === 'epoch' ||
    (isRecord(value) &&
      isStatistic(value.statistic) &&
      Array.isArray(value.columns) &&
      value.columns.every(tests.text!)),
  build: (value) => buildNames.includes(value as BuildName),
  axes: (value) => Array.isArray(value) && value.every((_, axis) => value.includes(axis)),
  yes: (value) => value === true,
  size: (value) =>
    typeof value === 'string' ||
    Number.isSafeInteger(value) ||
    (Array.isArray(value) && value.length === 3 && '+-*/'.includes(value[0]) && value.slice(1).every(tests.size!)),
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Parses and checks a manifest, so that nothing after it has to ask again. */
export function checkManifest(text: string): Manifest {
  let value: { format?: unknown; version?: unknown; compiler?: unknown } | null
  try {
    value = JSON.parse(text)
  } catch {
    throw bad('is not JSON')
  }
  if (value?.format !== 'nnc') throw bad('does not say format nnc')
  if (value.version !== 2 && value.version !== 3) {
    throw new ModelError(
      'newer-module',
      `the module has manifest version ${value.version} (made by nnc ${value.compiler}), this runtime reads versions 2 and 3; use the runtime that belongs to that compiler, or build the model with this one`,
    )
  }
  match(value, form, '')
  const { threads } = value as Manifest
  if (threads !== undefined) match(threads, threadsForm, 'threads')
  const manifest = value as Manifest
  if (manifest.prepared !== undefined || manifest.version === 3) match(manifest.prepared, preparedForm, 'prepared')
  if (manifest.pretrained !== undefined) match(manifest.pretrained, pretrainedForm, 'pretrained')
  for (const { variable } of manifest.pretrained?.flatMap(({ tensors }) => tensors) ?? []) {
    if (!manifest.variables.some(({ name }) => name === variable)) throw bad(`loads the unknown variable ${variable}`)
  }
  const known = new Set(manifest.dims.map((dim) => dim.name))
  for (const entry of manifest.entries) {
    const fed = new Set(entry.inputs.flatMap((input) => input.shape.flatMap(namesIn)))
    // Initialisation runs at the largest sizes.
    const strange = entry.dims.find((dim) => !known.has(dim) || !(fed.has(dim) || entry.kind === 'init'))
    if (strange !== undefined) throw bad(`has no way to know ${strange} in the entry ${entry.name}`)
  }
  for (const train of manifest.trains) {
    for (const name of [train.step, train.evaluate]) {
      const entry = manifest.entries.find((candidate) => candidate.name === name)
      if (!entry) throw bad(`lacks the entry ${name}`)
      const outputs = new Set(entry.outputs.map((output) => output.name))
      const read = train.metrics.flatMap(({ name: metric, over }) =>
        typeof over === 'string' ? [metric] : over.columns,
      )
      const absent = ['loss', ...read].find((output) => !outputs.has(output))
      if (absent !== undefined) throw bad(`lacks the output ${absent} of the entry ${name}`)
    }
  }
  return manifest
}

/** Checks that everything the manifest places lies inside the memory, at the largest sizes. */
export function checkOffsets(manifest: Manifest, bytes: number): void {
  const largest = Object.fromEntries(manifest.dims.map((dim) => [dim.name, dim.maximum]))
  const within = (name: string, offset: number, count: number): void => {
    if (!(count >= 0 && offset + 4 * count <= bytes))
      throw bad(`places ${name} outside the module's ${bytes} bytes of memory`)
  }
  const place = (item: ManifestTensor): void =>
    within(item.name, item.offset, elementCount(shapeValue(item.shape, largest)))
  for (const entry of manifest.entries) [...entry.inputs, ...entry.outputs].forEach(place)
  manifest.variables.forEach(place)
  for (const train of manifest.trains) train.totals.forEach(place)
  for (const hyper of manifest.hypers) within(hyper.name, hyper.offset, 1)
  within('the seed', manifest.seedOffset, 1)
  within('the step counter', manifest.stepOffset, 1)
  if (manifest.prepared) within('what was prepared', manifest.prepared.offset, manifest.prepared.count)
  if (manifest.threads)
    within(
      'what threads share',
      manifest.threads.control,
      (manifest.threads.privateOffset - manifest.threads.control) / 4,
    )
}

export function bad(what: string): ModelError {
  return new ModelError(
    'bad-manifest',
    `the module's manifest ${what}; it was not made by this version of nnc, or is damaged: build the model again`,
  )
}

function match(value: unknown, expected: Form, path: string): void {
  if (typeof expected === 'string') {
    if (expected[0] === '?' ? value !== undefined && !tests[expected.slice(1)]!(value) : !tests[expected]!(value))
      throw bad(`has a wrong value at ${path}`)
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(value)) throw bad(`has no list at ${path}`)
    for (const [index, item] of value.entries()) match(item, expected[0], `${path}[${index}]`)
  } else {
    if (typeof value !== 'object' || value === null) throw bad(`has a wrong value at ${path}`)
    for (const [key, inner] of Object.entries(expected))
      match((value as Record<string, unknown>)[key], inner, path ? `${path}.${key}` : key)
  }
}
