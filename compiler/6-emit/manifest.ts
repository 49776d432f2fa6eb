/** The description a module carries, from the program it was made of. */

import type {
  BuildName,
  Manifest,
  ManifestDimension,
  ManifestPretrained,
  ManifestSize,
  ManifestTensor,
} from '../../runtime/manifest.ts'
import type { CheckedLoad } from '../2-check/checked.ts'
import type { EntryTensor, Program } from '../5-fuse/program.ts'
import { type Dim, type DimensionAtom, isConstant } from '../dimensions/dimension.ts'
import type { RuntimeDim, TensorType } from '../types.ts'
import { threadMemory } from './thread-memory.ts'
import type { ThreadPlan } from './thread-plan.ts'

export function manifestOf(
  program: Program,
  build: BuildName,
  compiler: string,
  loads: readonly CheckedLoad[],
  plan?: ThreadPlan,
): Manifest {
  const offsetOf = (buffer: number): number => program.buffers[buffer]!.offset
  const tensor = ({ name, type, buffer, limit }: EntryTensor): ManifestTensor => ({
    name,
    dtype: type.dtype,
    shape: type.shape.map(manifestSize),
    offset: offsetOf(buffer),
    ...(limit !== undefined && { limit: manifestSize(limit) }),
  })
  const stored = (type: TensorType, buffer: number) => ({
    dtype: type.dtype,
    shape: type.shape.map(manifestSize),
    offset: offsetOf(buffer),
  })
  const { variables, prepared, inputs, outputs, arena, total } = program.memory
  const preparations = program.preparations.length
  const threads = plan && threadMemory(program)
  return {
    format: 'nnc',
    version: preparations > 0 ? 3 : 2,
    compiler,
    name: program.name,
    build,
    dims: dimensionsOf(program),
    entries: program.entries.map((entry) => ({
      name: entry.name,
      export: entry.export,
      kind: entry.kind,
      dims: entry.dims.map(({ name }) => name),
      inputs: entry.inputs.map(tensor),
      outputs: entry.outputs.map(tensor),
      ...(plan?.isSharedEntry(entry) && { shared: plan.leastShared(entry) }),
    })),
    variables: program.variables.flatMap(({ variable: { name, kind, type }, buffer }) =>
      kind === 'total' || kind === 'prepared' ? [] : [{ name, kind, ...stored(type, buffer) }],
    ),
    hypers: program.hypers.map(({ hyper, buffer }) => ({
      name: hyper.name,
      offset: offsetOf(buffer),
      default: hyper.default,
      ...(hyper.minimum !== undefined && { minimum: hyper.minimum }),
      ...(hyper.maximum !== undefined && { maximum: hyper.maximum }),
      scale: hyper.scale,
    })),
    trains: program.trains.map((train) => ({
      ...train,
      totals: program.variables.flatMap(({ variable: { name, kind, type }, buffer }) =>
        kind === 'total' && name.startsWith(`${train.name}/`) ? [{ name, ...stored(type, buffer) }] : [],
      ),
      step: `${train.name}.step`,
      evaluate: `${train.name}.evaluate`,
    })),
    ...(loads.length > 0 && { pretrained: loads.map(pretrainedOf) }),
    seedOffset: program.seedOffset,
    stepOffset: program.stepOffset,
    ...(preparations > 0 && { prepared: { offset: program.preparedOffset, count: preparations } }),
    memory: { variables, ...(prepared > 0 && { prepared }), inputs: inputs + outputs, arena, total },
    ...(threads && { threads }),
  }
}

function pretrainedOf({ name, path, tensors, unused }: CheckedLoad): ManifestPretrained {
  return {
    name,
    file: path.value,
    tensors: tensors.map(({ span, ...tensor }) => tensor),
    unused: unused.map(({ value }) => value),
  }
}

function dimensionsOf(program: Program): ManifestDimension[] {
  const dims = new Map<string, RuntimeDim>()
  for (const dim of [...program.dims, ...program.entries.flatMap((entry) => entry.dims)]) dims.set(dim.name, dim)
  return [...dims.values()].map(({ name, minimum, maximum }) => ({ name, minimum, maximum }))
}

export function manifestSize(dim: Dim): ManifestSize {
  if (isConstant(dim)) return dim
  const terms = dim.terms.map(({ coefficient, factors }) =>
    factors.map(atomSize).reduce<ManifestSize>((total, factor) => times(total, factor), coefficient),
  )
  const total = terms.reduce((left, right): ManifestSize => ['+', left, right])
  return dim.constant === 0 ? total : ['+', total, dim.constant]
}

function times(left: ManifestSize, right: ManifestSize): ManifestSize {
  return left === 1 ? right : ['*', left, right]
}

function atomSize(atom: DimensionAtom): ManifestSize {
  return atom.kind === 'symbol' ? atom.name : ['/', manifestSize(atom.numerator), manifestSize(atom.denominator)]
}
