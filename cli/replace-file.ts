import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { UserError } from './user-error.ts'

/** Why the operating system refuses to write, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'there is no space left on the disk',
  EDQUOT: 'the quota of disk space is used up',
  EACCES: 'writing is not permitted there',
  EPERM: 'writing is not permitted there',
  EROFS: 'the file system is read-only',
  EISDIR: 'a folder of that name is in the way',
  ENOTDIR: 'a file stands where its folder should be',
  ENOENT: 'its folder does not exist',
}

/**
 * Writes a file whole or not at all: an interruption never leaves half of it, nor loses what was there.
 * Throws {@link UserError} where it cannot be written.
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(temporary, content)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    const { code, message, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    throw new UserError(`${path} cannot be written: ${REASONS[code ?? ''] ?? message}`)
  }
}
