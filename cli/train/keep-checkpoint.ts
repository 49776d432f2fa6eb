import { rm } from 'node:fs/promises'
import { replaceFile } from '../replace-file.ts'
import { UserError } from '../user-error.ts'

/** Writes a checkpoint now and then while a run goes on, so that a crash or a power cut costs minutes, not hours. */
export interface CheckpointKeeper {
  /** Writes one if the last is old enough. @param save the checkpoint's bytes after so many complete epochs */
  keep(save: () => Uint8Array): Promise<void>
  /** The run has ended and saved its weights: takes away what this one wrote. */
  release(): Promise<void>
}

/**
 * @param minutes between two checkpoints
 * @param warn told once if one cannot be written; the run goes on
 */
export function keepCheckpoint(path: string, minutes: number, warn: (message: string) => void): CheckpointKeeper {
  let last = performance.now()
  let written = false
  let failed = false
  return {
    async keep(save) {
      if (performance.now() - last < minutes * 60_000) return
      try {
        await replaceFile(path, save())
        written = true
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        if (!failed) warn(error.message)
        failed = true
      }
      last = performance.now()
    },
    async release() {
      if (written) await rm(path, { force: true })
    },
  }
}
