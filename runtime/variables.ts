import type { Hypers, Input, Variables } from './api.ts'
import { readTensor, viewOf } from './dataset.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import { fill } from './fill.ts'
import { flatten } from './flatten.ts'
import type { Manifest, ManifestVariable } from './manifest.ts'
import { find } from './names.ts'
import { elementCount, shapeValue, typeText } from './size.ts'

/** A variable's shape; one that depends on a run-time dimension is stored at its largest. */
export function variableShape(manifest: Manifest, variable: ManifestVariable): number[] {
  return shapeValue(variable.shape, Object.fromEntries(manifest.dims.map((dim) => [dim.name, dim.maximum])))
}

export function createVariables(engine: Engine, what: string, variables: readonly ManifestVariable[]): Variables {
  const { manifest } = engine
  return {
    names: variables.map((variable) => variable.name),
    list: () =>
      variables.map((variable) => ({
        name: variable.name,
        kind: variable.kind,
        dtype: variable.dtype,
        shape: variableShape(manifest, variable),
      })),
    get(name) {
      const variable = find(variables, name, what)
      return readTensor(engine, variable, variableShape(manifest, variable)).data
    },
    set(name, value) {
      const variable = find(variables, name, what)
      setVariable(engine, what, variable, value)
    },
  }
}

function setVariable(engine: Engine, what: string, variable: ManifestVariable, value: Input): void {
  const shape = variableShape(engine.manifest, variable)
  const flat = flatten(variable, value, what)
  if (flat.data.length !== elementCount(shape) || (flat.shape && String(flat.shape) !== String(shape))) {
    const found = flat.shape ? `shape [${flat.shape.join(', ')}]` : `${flat.data.length} elements`
    throw new ModelError(
      'wrong-shape',
      `${what} \`${variable.name}\` was given ${found}, expected ${typeText({ ...variable, shape })}`,
    )
  }
  // Checked in a copy first, so that a bad element leaves the variable as it was.
  const view = viewOf(engine, variable.dtype)
  const stored = variable.dtype === 'f32' ? new Float32Array(flat.data.length) : new Int32Array(flat.data.length)
  fill(variable, flat, shape, undefined, stored, what)
  view.set(stored, variable.offset / 4)
  engine.variablesChanged()
}

export function createHypers(engine: Engine): Hypers {
  const { hypers } = engine.manifest
  return {
    names: hypers.map((hyper) => hyper.name),
    get: (name) => shortest(engine.floats[find(hypers, name, 'hyper').offset / 4]!),
    set(name, value) {
      const hyper = find(hypers, name, 'hyper')
      const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = hyper
      if (typeof value !== 'number' || !Number.isFinite(value) || value < minimum || value > maximum) {
        const range = Number.isFinite(minimum + maximum) ? ` from ${minimum} to ${maximum}` : ''
        throw new ModelError(
          'hyper-range',
          `hyper \`${name}\` cannot be ${String(value)}; it takes a finite number${range}`,
        )
      }
      engine.floats[hyper.offset / 4] = value
    },
  }
}

/** The decimal with the fewest digits that is stored as this f32: 0.1, not 0.10000000149011612. */
function shortest(stored: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const value = Number(stored.toPrecision(digits))
    if (Math.fround(value) === stored) return value
  }
  return stored
}
