import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { StringLiteral } from '../../compiler/1-parse/ast.ts'
import { DataFault } from './data-fault.ts'

/** A data file's bytes, unpacked if it is gzip (told by its first bytes). */
export interface DataFile {
  /** As messages show it: the last part of the path. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** The most a compressed file may unpack to. */
const MAXIMUM_UNPACKED_BYTES = 2 ** 31 - 1

/**
 * Reads a file a data block names: relative to the `.nn` file's folder, or `npm:package/path` from an installed
 * package. Throws {@link DataFault} at the path's place.
 */
export async function readDataFile(path: StringLiteral, sourcePath: string): Promise<DataFile> {
  const folder = dirname(sourcePath)
  const full = path.value.startsWith('npm:') ? packagePath(path, folder) : resolve(folder, path.value)
  const name = path.value.slice(Math.max(path.value.lastIndexOf('/'), path.value.lastIndexOf('\\')) + 1)
  let bytes: Uint8Array
  try {
    bytes = await readFile(full)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && existsSync(`${full}.gz`))
      throw notFound(path, 'it does not exist', `there is ${path.value}.gz`)
    const why = code === 'ENOENT' ? 'it does not exist' : code === 'EISDIR' ? 'it is a folder' : message
    throw notFound(
      path,
      why,
      path.value.startsWith('npm:') ? undefined : `paths are relative to the folder of the .nn file, ${folder}`,
    )
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { name, bytes }
  try {
    return { name, bytes: await promisify(gunzip)(bytes, { maxOutputLength: MAXIMUM_UNPACKED_BYTES }) }
  } catch (error) {
    throw notFound(path, `its gzip is damaged: ${(error as Error).message}`)
  }
}

function packagePath(path: StringLiteral, folder: string): string {
  const parts = path.value.slice('npm:'.length).split('/')
  const name = parts.splice(0, parts[0]!.startsWith('@') ? 2 : 1).join('/')
  for (let at = folder; ; at = dirname(at)) {
    const root = join(at, 'node_modules', ...name.split('/'))
    if (existsSync(join(root, 'package.json'))) {
      const full = join(root, ...parts)
      if (!relative(root, full).startsWith(`..${sep}`)) return full
      throw notFound(path, `it leads out of the package ${name}`)
    }
    if (dirname(at) === at) break
  }
  throw notFound(path, `the package ${name} is not installed`, `run \`npm install ${name}\` in ${folder}`)
}

function notFound(path: StringLiteral, why: string, hint?: string): DataFault {
  return new DataFault('NN0408', path.span, `\`${path.value}\` cannot be read: ${why}`, hint)
}
