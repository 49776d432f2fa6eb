import { access, constants, mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { replaceFile } from '../replace-file.ts'
import { UserError } from '../user-error.ts'

/** Refuses, before hours of training, a folder or a name weights cannot be written to at the end. */
export async function checkWritable(folder: string, files: readonly string[], shown: string): Promise<void> {
  await access(folder, constants.W_OK | constants.X_OK).catch(() => {
    throw new UserError(
      `nothing can be written into the folder ${shown}: it is not permitted`,
      'name another one with -o',
    )
  })
  for (const file of files) {
    const found = await stat(join(folder, file)).catch(() => undefined)
    if (found?.isDirectory())
      throw new UserError(
        `${join(shown, file)} is a folder, and the run writes a file of that name`,
        'move it away, or name another folder with -o',
      )
  }
}

/**
 * Writes what a run has learned. Where its place refuses, as a full disk does, it goes to the system's folder for temporary
 * files, so that nothing learned is lost, and the error says where it is.
 */
export async function saveWeights(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await replaceFile(path, bytes)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const elsewhere = await saveElsewhere(basename(path), bytes)
    throw new UserError(
      error.message,
      elsewhere === undefined ? error.hint : `what was learned is in ${elsewhere} instead; move it to a safe place`,
    )
  }
}

async function saveElsewhere(name: string, bytes: Uint8Array): Promise<string | undefined> {
  try {
    const path = join(await mkdtemp(join(tmpdir(), 'nnc-')), name)
    await replaceFile(path, bytes)
    return path
  } catch {
    return undefined
  }
}
