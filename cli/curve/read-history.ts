import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { UserError } from '../user-error.ts'
import { HISTORY_FORMAT, type TrainHistory } from './history.ts'

/** Throws {@link UserError} when the file is not there or no history. */
export async function readHistory(file: string, directory: string): Promise<TrainHistory> {
  let text: string
  try {
    text = await readFile(resolve(directory, file), 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new UserError(code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read: ${message}`)
  }
  const value = parsed(text)
  if (isHistory(value)) return value
  throw new UserError(
    `${file} is not the history of a training run`,
    '`nnc train` writes one beside the parameters, <name>.history.json',
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isHistory(value: unknown): value is TrainHistory {
  if (!isRecord(value) || value.format !== HISTORY_FORMAT) return false
  const { file, train, parameters, build, batch, seed, rows, metrics, percent, steps, epochs, result } = value
  return (
    [file, train, build].every((text) => typeof text === 'string') &&
    [parameters, batch, seed].every(Number.isFinite) &&
    isMeasures(rows) &&
    isList(metrics, (metric) => typeof metric === 'string') &&
    isList(percent, (metric) => typeof metric === 'string') &&
    isList(steps, (point) => isList(point, isMeasure) && point.length === 2 && Number.isFinite(point[0])) &&
    isList(epochs, isEpoch) &&
    (result === undefined || (isRecord(result) && (result.test === undefined || isMeasures(result.test))))
  )
}

function isEpoch(value: unknown): boolean {
  if (!isRecord(value) || !Number.isFinite(value.epoch)) return false
  return isMeasures(value.train) && (value.valid === undefined || isMeasures(value.valid))
}

function isMeasures(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every(isMeasure)
}

function isMeasure(value: unknown): boolean {
  return value === null || Number.isFinite(value)
}

function isList(value: unknown, isItem: (item: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(isItem)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
