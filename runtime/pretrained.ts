import type { Bytes } from './api.ts'
import { bytesOf } from './bytes.ts'
import { readStored } from './checkpoint.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import { described } from './flatten.ts'
import type { Manifest, ManifestDType, ManifestPretrained, ManifestVariable } from './manifest.ts'
import { matchesPattern } from './pattern.ts'
import { refused, type SafetensorsFile, type StoredTensor } from './safetensors.ts'
import { elementCount, typeText } from './size.ts'
import { variableShape } from './variables.ts'

type Source = ManifestPretrained['tensors'][number]

/** Something a file lacks, has too much, or has in a form that does not fit. */
export interface PretrainedFault {
  readonly kind: 'missing' | 'type' | 'surplus' | 'unused'
  readonly message: string
  /** Of `missing` and `type`. */
  readonly source?: Source
  /** Of `unused`. */
  readonly pattern?: string
}

/** How an element is read, and its size in bytes. */
interface Reader {
  readonly width: number
  readonly read: (view: DataView, at: number) => number
}

const readers: Readonly<Record<ManifestDType, Readonly<Record<string, Reader>>>> = {
  f32: {
    F32: { width: 4, read: (view, at) => view.getFloat32(at, true) },
    F16: { width: 2, read: (view, at) => floatValue(view.getUint16(at, true), 5, 10) },
    BF16: { width: 2, read: (view, at) => floatValue(view.getUint16(at, true), 8, 7) },
    F64: { width: 8, read: (view, at) => view.getFloat64(at, true) },
  },
  i32: {
    I32: { width: 4, read: (view, at) => view.getInt32(at, true) },
    I64: { width: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  },
  bool: { BOOL: { width: 1, read: (view, at) => Number(view.getUint8(at) !== 0) } },
}

/**
 * Puts the values of the `load` blocks' files into the model; everything is checked before anything is written.
 * @param given the bytes of the only file, or those of each by the name the `.nn` file gives it
 */
export function loadPretrained(engine: Engine, given: Bytes | Readonly<Record<string, Bytes>>): void {
  const { manifest } = engine
  const plans = manifest.pretrained ?? []
  const names = [...new Set(plans.map(({ file }) => file))]
  if (names.length === 0)
    throw new ModelError('bad-option', 'the model has no `load` block, so there is nothing to load')
  const files = filesByName(names, given)
  for (const plan of plans) {
    const faults = pretrainedFaults(manifest, plan, files.get(plan.file)!)
    if (faults.length === 0) continue
    const more = faults.length > 3 ? `; and ${faults.length - 3} more faults` : ''
    const told = faults.slice(0, 3).map(({ message }) => message)
    throw new ModelError('pretrained-mismatch', `${plan.file} does not fit \`${plan.name}\`: ${told.join('; ')}${more}`)
  }
  engine.variablesChanged()
  for (const { tensors, file } of plans)
    for (const source of tensors) write(engine, source, files.get(file)!.tensors.get(source.tensor)!)
}

function filesByName(
  names: readonly string[],
  given: Bytes | Readonly<Record<string, Bytes>>,
): Map<string, SafetensorsFile> {
  const single = bytesOf(given)
  const byName = single && names.length === 1 ? { [names[0]!]: single } : (given as Readonly<Record<string, Bytes>>)
  return new Map(
    names.map((name) => {
      const bytes = bytesOf(byName?.[name])
      if (bytes === undefined)
        throw refused(`${described(byName?.[name])} was given for ${JSON.stringify(name)} instead of its bytes`)
      return [name, readStored(bytes)]
    }),
  )
}

/** What is wrong with a file for a `load` block; nothing if it fits. */
export function pretrainedFaults(
  manifest: Manifest,
  plan: ManifestPretrained,
  { tensors, metadata }: SafetensorsFile,
): PretrainedFault[] {
  const faults: PretrainedFault[] = []
  for (const source of plan.tensors) {
    const tensor = tensors.get(source.tensor)
    const same = source.tensor === source.variable
    if (tensor === undefined)
      faults.push({
        kind: 'missing',
        source,
        message: `there is no tensor \`${source.tensor}\`${same ? '' : ` for \`${source.variable}\``}`,
      })
    else {
      const message = misfit(manifest, variableOf(manifest, source), source, tensor)
      if (message !== undefined) faults.push({ kind: 'type', source, message })
    }
  }
  const taken = new Set(plan.tensors.map(({ tensor }) => tensor))
  // Optimizer memory and the like, in checkpoints written here, has names no model's parameters can have.
  const own = 'nnc.model' in metadata
  const left = [...tensors.keys()].filter((name) => !taken.has(name) && !(own && name.includes('/')))
  const surplus = left.filter((name) => !plan.unused.some((pattern) => matchesPattern(pattern, name)))
  if (surplus.length > 0) {
    const shown = surplus.slice(0, 4).map((name) => `\`${name}\``)
    const more = surplus.length > 4 ? ` and ${surplus.length - 4} more` : ''
    faults.push({ kind: 'surplus', message: `nothing in \`${plan.name}\` takes ${shown.join(', ')}${more}` })
  }
  for (const pattern of plan.unused) {
    if (!left.some((name) => matchesPattern(pattern, name)))
      faults.push({ kind: 'unused', pattern, message: `\`unused "${pattern}"\` matches no tensor that is left over` })
  }
  return faults
}

function variableOf(manifest: Manifest, source: Source): ManifestVariable {
  return manifest.variables.find(({ name }) => name === source.variable)!
}

/** Why a tensor cannot become the variable's value. */
function misfit(
  manifest: Manifest,
  variable: ManifestVariable,
  { order, reshape, tensor: name }: Source,
  tensor: StoredTensor,
): string | undefined {
  const shape = variableShape(manifest, variable)
  const what = `\`${variable.name}\` is ${typeText({ ...variable, shape })}, but the tensor \`${name}\` is ${tensor.dtype}[${tensor.shape.join(', ')}]`
  const arrived = order ? order.map((axis) => tensor.shape[axis]) : tensor.shape
  const fits = reshape
    ? elementCount(tensor.shape) === elementCount(shape)
    : tensor.shape.length === shape.length && String(arrived) === String(shape)
  if (!fits) {
    const transposed = order && arrived.length === tensor.shape.length ? `, transposed [${arrived.join(', ')}]` : ''
    return what + transposed
  }
  const reader = readers[variable.dtype][tensor.dtype]
  if (!reader) return `${what}; it can be made of ${Object.keys(readers[variable.dtype]).join(', ')}`
  const narrow = { F64: Math.fround, I64: (value: number) => value | 0 }[tensor.dtype]
  if (!narrow) return undefined
  const { read, width } = reader
  const view = viewOf(tensor)
  for (let at = 0; at < view.byteLength; at += width) {
    const value = read(view, at)
    if (tensor.dtype === 'F64' ? Number.isFinite(value) && !Number.isFinite(narrow(value)) : narrow(value) !== value)
      return `${what} and has the element ${value}, which ${variable.dtype} cannot hold`
  }
  return undefined
}

function write(engine: Engine, source: Source, tensor: StoredTensor): void {
  const variable = variableOf(engine.manifest, source)
  const shape = variableShape(engine.manifest, variable)
  const { read, width } = readers[variable.dtype][tensor.dtype]!
  const view = viewOf(tensor)
  const target = variable.dtype === 'f32' ? engine.floats : engine.integers
  const start = variable.offset / 4
  const count = elementCount(shape)
  if (!source.order) {
    for (let at = 0; at < count; at++) target[start + at] = read(view, at * width)
    return
  }
  const strides = shape.map(() => 1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * tensor.shape[axis + 1]!
  const steps = source.order.map((axis) => strides[axis]!)
  const index = shape.map(() => 0)
  for (let at = 0, from = 0; at < count; at++) {
    target[start + at] = read(view, from * width)
    // The next index in C order, the last axis first.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!
      if (++index[axis]! < shape[axis]!) break
      from -= steps[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
}

function viewOf({ bytes }: StoredTensor): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A floating-point number of IEEE 754's form: a sign, an exponent and a fraction of so many bits. */
function floatValue(bits: number, exponentBits: number, fractionBits: number): number {
  const top = 2 ** exponentBits - 1
  const one = 2 ** fractionBits
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1
  const exponent = (bits >> fractionBits) & top
  const fraction = bits & (one - 1)
  if (exponent === top) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  const scale = 2 ** (Math.max(exponent, 1) - (top >> 1) - fractionBits)
  return sign * (exponent ? one + fraction : fraction) * scale
}
