import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path'
import { suggest } from '../compiler/diagnostics/suggest.ts'
import { UserError } from './user-error.ts'

/** A `.nn` file as read. */
export interface SourceText {
  /** As diagnostics show it: relative to the working folder where that is shorter, with forward slashes. */
  readonly name: string
  readonly path: string
  readonly text: string
}

/** Reads a `.nn` file. Throws {@link UserError} when it is missing, a folder, or not UTF-8. */
export async function readSource(file: string, directory: string): Promise<SourceText> {
  const path = resolve(directory, file)
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw await unreadable(file, path, error as NodeJS.ErrnoException)
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { name: displayName(path, directory), path, text }
  } catch {
    throw new UserError(`${file} is not UTF-8 text`, 'a .nn file is plain text; is this the right file?')
  }
}

/** Reads imported files, whose paths are relative to the file that imports them. What cannot be read is not there. */
export function importReader(directory: string): (path: string, from: string) => string | undefined {
  return (path, from) => {
    try {
      const bytes = readFileSync(resolve(directory, dirname(from), path))
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch {
      return undefined
    }
  }
}

/** The path as messages show it. */
export function displayName(path: string, directory: string): string {
  const near = relative(directory, path)
  const shown = near === '' || isAbsolute(near) || near.startsWith(join('..', '..')) ? path : near
  return shown.replaceAll('\\', '/')
}

async function unreadable(file: string, path: string, error: NodeJS.ErrnoException): Promise<UserError> {
  const around = error.code === 'EISDIR' ? path : dirname(path)
  const names = await readdir(around).then(
    (entries) => entries.filter((entry) => extname(entry) === '.nn'),
    () => [],
  )
  if (error.code === 'EISDIR') {
    const inside = names.length > 0 ? `name a file in it: ${names.slice(0, 5).join(', ')}` : 'it holds no .nn file'
    return new UserError(`${file} is a folder`, inside)
  }
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR')
    return new UserError(`${file} cannot be read: ${error.message}`)
  const near = suggest(basename(path), names)
  if (near !== undefined) return new UserError(`${file} does not exist`, `did you mean ${join(dirname(file), near)}?`)
  return new UserError(`${file} does not exist`)
}
