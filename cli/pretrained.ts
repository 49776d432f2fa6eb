import type { Diagnostic, DiagnosticCode, Span } from '../compiler/diagnostics/diagnostic.ts'
import { suggest } from '../compiler/diagnostics/suggest.ts'
import type { CheckedLoad } from '../compiler/index.ts'
import { readStored } from '../runtime/checkpoint.ts'
import { ModelError } from '../runtime/index.ts'
import { type PretrainedFault, pretrainedFaults } from '../runtime/pretrained.ts'
import type { SafetensorsFile } from '../runtime/safetensors.ts'
import { elementCount } from '../runtime/size.ts'
import { DataFault } from './data/data-fault.ts'
import { readDataFile } from './data/data-file.ts'
import type { OpenModel } from './open-model.ts'
import { DiagnosticsError } from './user-error.ts'

const codes = { missing: 'NN0502', type: 'NN0503', surplus: 'NN0504', unused: 'NN0505' } as const

/** What a `load` block brought, for reports. */
export interface LoadedFile {
  readonly name: string
  readonly file: string
  readonly tensors: number
}

/**
 * Puts the values of the files the `load` blocks name into the model.
 * @throws DiagnosticsError for everything wrong with the files, at the place in the `.nn` file
 */
export async function loadPretrained({ compiled, model }: OpenModel): Promise<readonly LoadedFile[]> {
  const { source, loads } = compiled
  if (loads.length === 0) return []
  const files: Record<string, Uint8Array> = {}
  const diagnostics: Diagnostic[] = []
  for (const [at, load] of loads.entries()) {
    try {
      const { bytes } = await readDataFile(load.path, source.path)
      files[load.path.value] = bytes
      const file = readTensors(load, bytes)
      const faults = pretrainedFaults(model.manifest, model.manifest.pretrained![at]!, file)
      diagnostics.push(...grouped(faults, (fault) => diagnose(fault, load, file, model)))
    } catch (error) {
      if (!(error instanceof DataFault)) throw error
      diagnostics.push(error.diagnostic)
    }
  }
  if (diagnostics.length > 0) throw new DiagnosticsError(diagnostics, new Map([[source.name, source.text]]))
  model.loadPretrained(files)
  return loads.map(({ name, path, tensors }) => ({ name, file: path.value, tensors: tensors.length }))
}

function readTensors({ path }: CheckedLoad, bytes: Uint8Array): SafetensorsFile {
  try {
    return readStored(bytes)
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    const message = error.message.replace(/^this (file|checkpoint)/, `\`${path.value}\``)
    throw new DataFault('NN0501', path.span, message, isPyTorchs(bytes) ? PYTORCH_HINT : undefined)
  }
}

const PYTORCH_HINT =
  'this is a file of `torch.save`: write it anew with `safetensors.torch.save_file(torch.load("model.pt"), "model.safetensors")`'

/** `torch.save` writes a zip archive, or, in old versions, a pickle. */
function isPyTorchs(bytes: Uint8Array): boolean {
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b
  const isPickle = bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5
  return isZip || isPickle
}

/** One diagnostic for each kind of fault and place: the first, and how many more there are of it. */
function grouped(
  faults: readonly PretrainedFault[],
  diagnose: (fault: PretrainedFault) => { readonly span: Span; readonly hint: string },
): Diagnostic[] {
  const groups = new Map<string, { fault: PretrainedFault; span: Span; hint: string; more: number }>()
  for (const fault of faults) {
    const { span, hint } = diagnose(fault)
    const key = `${fault.kind} ${span.start}`
    const group = groups.get(key)
    if (group) group.more++
    else groups.set(key, { fault, span, hint, more: 0 })
  }
  return [...groups.values()].map(({ fault, span, hint, more }) => ({
    code: codes[fault.kind] satisfies DiagnosticCode,
    severity: 'error',
    span,
    message: more === 0 ? fault.message : `${fault.message}; and ${more} more like this`,
    labels: [],
    hint,
  }))
}

function diagnose(
  { kind, source, pattern }: PretrainedFault,
  load: CheckedLoad,
  { tensors }: SafetensorsFile,
  model: OpenModel['model'],
): { span: Span; hint: string } {
  const names = [...tensors.keys()]
  const shown = `the file has ${names.slice(0, 6).join(', ')}${names.length > 6 ? ` and ${names.length - 6} more` : ''}`
  if (kind === 'unused')
    return { span: load.unused.find(({ value }) => value === pattern)!.span, hint: 'leave it out, or mend the pattern' }
  if (kind === 'surplus') return { span: load.path.span, hint: `\`map\` them, or say so by \`unused "pattern"\`` }
  const { variable, tensor, span } = load.tensors.find((own) => own.variable === source!.variable)!
  if (kind === 'missing') {
    const similar = suggest(tensor, names)
    return {
      span,
      hint: similar
        ? `did you mean \`${similar}\`?`
        : `\`map "…" -> "${variable}"\` names its tensor, \`missing "${variable}"\` keeps its initializer; ${shown}`,
    }
  }
  const { shape } = model.variables.list().find(({ name }) => name === variable)!
  const given = tensors.get(tensor)!.shape
  // Without a `map` of its own the place is the block's name, before the path.
  const rule = span.start < load.path.span.start ? `map "${tensor}" -> "${tensor}"` : undefined
  return { span, hint: remedy(shape, given, rule) }
}

/**
 * What would make a tensor of one shape fit a variable of another.
 * @param rule the `map` to write where there is none
 */
function remedy(shape: readonly number[], given: readonly number[], rule: string | undefined): string {
  const swapped = [...given.slice(0, -2), ...given.slice(-2).reverse()]
  if (String(shape) === String(given)) return 'convert the file'
  if (given.length >= 2 && String(swapped) === String(shape))
    return rule ? `write \`${rule} transpose\`` : 'add `transpose` behind the `map`'
  if (elementCount(shape) === elementCount(given))
    return '`transpose [1, 0, …]` reorders axes, `reshape` keeps the elements in their order'
  return 'the sizes of the model are not those the file was made with; `missing` leaves it to its initializer'
}
