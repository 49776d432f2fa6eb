import { mkdir } from 'node:fs/promises'
import { UserError } from './user-error.ts'

/** Makes a folder with those above it; fine if it is there. @param shown how to call it in messages */
export async function makeFolder(path: string, shown: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'a file of that name is in the way' : message
    throw new UserError(`the folder ${shown} cannot be made: ${why}`)
  }
}
