import type { Tensor } from '../../runtime/api.ts'

/** The classes an output's last axis stands for. */
export interface Classes {
  /** The train input that holds the class: `label`. */
  readonly name: string
  readonly count: number
  /** Absent where the classes are plain numbers. */
  readonly names?: readonly string[]
}

export interface Predictions {
  readonly outputs: Readonly<Record<string, Tensor>>
  /** Rows given, those without a prediction included. */
  readonly rows: number
  /** Rows that have none. */
  readonly skipped?: ReadonlyMap<number, unknown>
  readonly classes?: Classes
}

/** A JSON array with one object per row, one row per line, null where there is no prediction; `label` is the class with the largest value. */
export function predictionsJson(predictions: Predictions): string {
  const lines = eachRow(predictions, 'null', (row) => {
    const fields = Object.entries(predictions.outputs).map(
      ([name, tensor]) => `${JSON.stringify(name)}:${nested(tensor, row)}`,
    )
    const chosen = classOf(predictions, row)
    if (chosen !== undefined) fields.push(`${JSON.stringify(predictions.classes!.name)}:${JSON.stringify(chosen)}`)
    return `{${fields.join(',')}}`
  })
  return `[${lines.join(',\n ')}]\n`
}

/** CSV with a header row: a column per number, and the class with the largest value; empty cells where there is no prediction. */
export function predictionsCsv(predictions: Predictions): string {
  const { outputs, classes } = predictions
  const tensors = Object.entries(outputs)
  const scored = scoredOutput(predictions)
  const header = tensors.flatMap(([name, tensor]) => {
    const size = rowSize(tensor)
    if (size === 1) return [name]
    if (tensor === scored && classes?.names) return [...classes.names]
    return Array.from({ length: size }, (_, index) => `${name}.${index}`)
  })
  if (scored) header.push(classes!.name)
  // A line of one empty cell would be taken for no line at all.
  const empty = header.length === 1 ? '""' : ','.repeat(header.length - 1)
  const lines = eachRow(predictions, empty, (row) => {
    const cells = tensors.flatMap(([, tensor]) => rowOf(tensor, row).map(shortNumber))
    if (scored) cells.push(String(classOf(predictions, row)))
    return cells.map(csvCell).join(',')
  })
  return `${[header.map(csvCell).join(','), ...lines].join('\n')}\n`
}

/** A text per row given; `print` gets a row's place among those that have a prediction. */
function eachRow({ rows, skipped }: Predictions, without: string, print: (row: number) => string): string[] {
  let at = 0
  return Array.from({ length: rows }, (_, row) => (skipped?.has(row) ? without : print(at++)))
}

/** The first output of shape [rows, classes]. */
function scoredOutput({ outputs, classes }: Predictions): Tensor | undefined {
  if (!classes) return undefined
  return Object.values(outputs).find(
    ({ shape, data }) => shape.length === 2 && shape[1] === classes.count && data instanceof Float32Array,
  )
}

function classOf(predictions: Predictions, row: number): string | number | undefined {
  const scored = scoredOutput(predictions)
  if (!scored) return undefined
  const values = rowOf(scored, row)
  const position = values.indexOf(Math.max(...values))
  return predictions.classes!.names?.[position] ?? position
}

function rowSize(tensor: Tensor): number {
  return tensor.shape.slice(1).reduce((product, size) => product * size, 1)
}

function rowOf(tensor: Tensor, row: number): number[] {
  const size = rowSize(tensor)
  return Array.from(tensor.data.subarray(row * size, (row + 1) * size))
}

function nested(tensor: Tensor, row: number): string {
  const values = rowOf(tensor, row).map(shortNumber)
  const build = (axis: number, from: number, size: number): string => {
    if (axis === tensor.shape.length) return values[from]!
    const inner = size / tensor.shape[axis]!
    return `[${Array.from({ length: tensor.shape[axis]! }, (_, index) => build(axis + 1, from + index * inner, inner)).join(',')}]`
  }
  return build(1, 0, values.length)
}

/** The shortest decimal that is this f32 again: 0.1, not 0.10000000149011612. JSON has no infinities: null. */
function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  if (Number.isInteger(value)) return String(value)
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return String(short)
  }
  return String(Number(value.toPrecision(9)))
}

function csvCell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
