/**
 * What entries have prepared, put together: values that the same entries need under the same conditions are prepared by one function.
 */
import { type Dim, dimKey } from '../dimensions/dimension.ts'
import type { Call, Entry, Preparation } from './program.ts'

/** A value that is kept between calls, and how it is made. */
export interface PreparedValue {
  /** The same for equal values. */
  readonly key: string
  /** The variables it is made of; a prepared one stands for those behind it. */
  readonly variables: readonly string[]
  readonly worth: readonly Dim[]
  calls(): readonly Call[]
}

export interface Preparations {
  /** Notes that an entry needs a value. */
  need(entry: number, value: PreparedValue): void
  /** In the order in which they may have to run. */
  finish(nameOf: (text: string) => string): {
    readonly preparations: readonly Preparation[]
    of(entry: number): Entry['prepared']
  }
}

/** @param behind the variables a prepared one is made of */
export function createPreparations(behind: ReadonlyMap<string, readonly string[]>): Preparations {
  const values = new Map<string, { readonly value: PreparedValue; readonly users: Map<number, readonly Dim[]> }>()
  return {
    need(entry, value) {
      const known = values.get(value.key) ?? { value, users: new Map() }
      values.set(value.key, known)
      // Uses that pay under different conditions have it prepared under any.
      const worth = known.users.get(entry)
      const same = worth === undefined || keyOf(worth) === keyOf(value.worth)
      known.users.set(entry, same ? value.worth : [])
    },
    finish(nameOf) {
      const groups = new Map<string, { users: ReadonlyMap<number, readonly Dim[]>; values: PreparedValue[] }>()
      for (const { value, users } of values.values()) {
        const key = [...users].map(([entry, worth]) => `${entry}: ${keyOf(worth)}`).join('; ')
        const group = groups.get(key) ?? { users, values: [] }
        groups.set(key, group)
        group.values.push(value)
      }
      const ordered = [...groups.values()]
      return {
        preparations: ordered.map(({ values: own }, at) => ({
          name: `preparation ${at}`,
          export: nameOf(`prepare${at}`),
          calls: own.flatMap((value) => value.calls()),
          runs: [],
          variables: new Set(own.flatMap(({ variables }) => variables.flatMap((name) => behind.get(name) ?? [name]))),
        })),
        of: (entry) =>
          ordered.flatMap(({ users }, preparation) => {
            const worth = users.get(entry)
            return worth ? [{ preparation, worth }] : []
          }),
      }
    },
  }
}

function keyOf(dims: readonly Dim[]): string {
  return dims.map(dimKey).join()
}
