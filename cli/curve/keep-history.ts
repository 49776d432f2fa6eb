import { basename, dirname, join } from 'node:path'
import type { DoneEvent, EpochEvent, StepEvent } from '../../runtime/api.ts'
import { makeFolder } from '../make-folder.ts'
import { replaceFile } from '../replace-file.ts'
import type { TrainFacts } from '../train/train-report.ts'
import { UserError } from '../user-error.ts'
import { drawCurves } from './draw-curves.ts'
import { historyText, readHistory, type TrainHistory } from './history.ts'
import { recordHistory } from './record-history.ts'

/** While a run goes on its files are renewed at most so often, in milliseconds. */
const RENEWED_EVERY = 2000

export interface HistoryFiles {
  readonly file: string
  /** Drawn as well, SVG. */
  readonly picture?: string
  /** The checkpoint the run goes on from; what is beside it is continued. */
  readonly resumed?: string
}

/** Writes a run's history, and its picture, while it goes on and when it ends. A file that cannot be written ends no run. */
export interface HistoryKeeper {
  step(event: StepEvent): void
  epoch(event: EpochEvent): Promise<void>
  done(event: DoneEvent): Promise<void>
}

/** @param warn told once if a file cannot be written */
export async function keepHistory(
  facts: TrainFacts,
  files: HistoryFiles,
  warn: (message: string) => void,
): Promise<HistoryKeeper> {
  const recorder = recordHistory(facts, files.resumed === undefined ? undefined : await earlier(facts, files.resumed))
  const { picture } = files
  if (picture !== undefined) await makeFolder(dirname(picture), dirname(picture))
  let written = performance.now()
  let failed = false
  const write = async (): Promise<void> => {
    const history = recorder.history()
    try {
      await replaceFile(files.file, historyText(history))
      if (picture !== undefined) await replaceFile(picture, drawCurves([{ name: facts.file, history }]))
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      if (!failed) warn(error.message)
      failed = true
    }
    written = performance.now()
  }
  return {
    step: recorder.step,
    async epoch(event) {
      recorder.epoch(event)
      if (performance.now() - written > RENEWED_EVERY) await write()
    },
    async done(event) {
      recorder.done(event)
      await write()
    },
  }
}

/** The history beside a checkpoint, if it is of the same training. */
async function earlier(facts: TrainFacts, checkpoint: string): Promise<TrainHistory | undefined> {
  const name = basename(checkpoint).replace(/(\.checkpoint)?\.safetensors$/, '')
  try {
    const history = await readHistory(join(dirname(checkpoint), `${name}.history.json`), '/')
    return history.train === facts.train && history.parameters === facts.parameters ? history : undefined
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}
