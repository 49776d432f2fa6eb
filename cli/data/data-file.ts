import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { StringLiteral } from '../../compiler/1-parse/ast.ts'
import { DataFault } from './data-fault.ts'

/** A data file's bytes, unpacked if it is gzip (told by its first bytes). */
export interface DataFile {
  /** As messages show it: the last part of the path. */
  readonly name: string
  /** With its folders, as they stand in the `.nn` file or were found there; / between the parts. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** The most a compressed file may unpack to. */
const MAXIMUM_UNPACKED_BYTES = 2 ** 31 - 1

/** Files opened at a time. */
const OPEN_FILES = 64

/**
 * The files of paths in which `*` and `?` stand for any characters of one part, in natural order: chapter_2 before
 * chapter_10. Throws {@link DataFault} for a path that is no file.
 */
export async function readDataFiles(paths: readonly StringLiteral[], sourcePath: string): Promise<DataFile[]> {
  const found = await Promise.all(paths.map((path) => findFiles(path, sourcePath)))
  const all = found.flat()
  const files: DataFile[] = []
  for (let at = 0; at < all.length; at += OPEN_FILES)
    files.push(...(await Promise.all(all.slice(at, at + OPEN_FILES).map((path) => readDataFile(path, sourcePath)))))
  return files
}

async function findFiles(path: StringLiteral, sourcePath: string): Promise<StringLiteral[]> {
  const parts = path.value.split('/')
  const first = parts.findIndex((part) => /[*?]/.test(part))
  if (first < 0) return [path]
  let found = [parts.slice(0, first).join('/')]
  for (const [index, part] of parts.slice(first).entries()) {
    const last = first + index === parts.length - 1
    const below = await Promise.all(found.map((folder) => entriesOf(folder, part, last, path, sourcePath)))
    found = below.flat()
  }
  if (found.length === 0) throw notFound(path, 'no file matches it')
  return found.map((value) => ({ ...path, value }))
}

/** What matches one part of a pattern in a folder: folders, or files where it is the last part. */
async function entriesOf(
  folder: string,
  part: string,
  last: boolean,
  path: StringLiteral,
  sourcePath: string,
): Promise<string[]> {
  const full = fullPath({ ...path, value: folder === '' ? '.' : folder }, dirname(sourcePath))
  const matching = new RegExp(
    `^${part
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'u',
  )
  const entries = await readdir(full, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw notFound(path, error.code === 'ENOENT' ? `there is no folder ${folder}` : error.message)
  })
  const names = entries
    .filter((entry) => matching.test(entry.name) && !entry.name.startsWith('.') && (last ? !entry.isDirectory() : true))
    .map((entry) => entry.name)
  return names.sort(naturalOrder).map((name) => (folder === '' ? name : `${folder}/${name}`))
}

/** Runs of digits compare as numbers, everything else by code unit. */
function naturalOrder(left: string, right: string): number {
  const runsOf = (name: string): readonly string[] => name.match(/\d+|\D+/g) ?? []
  const [a, b] = [runsOf(left), runsOf(right)]
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i]!, b[i]!]
    const difference = /\d/.test(x[0]!) && /\d/.test(y[0]!) ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0
    if (difference !== 0) return difference
  }
  return a.length - b.length || (left < right ? -1 : Number(left > right))
}

/**
 * Reads a file a data block names: relative to the `.nn` file's folder, or `npm:package/path` from an installed
 * package. Throws {@link DataFault} at the path's place.
 */
export async function readDataFile(path: StringLiteral, sourcePath: string): Promise<DataFile> {
  const folder = dirname(sourcePath)
  const full = fullPath(path, folder)
  const shown = path.value.replaceAll('\\', '/')
  const name = basename(shown)
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
  try {
    return { name, path: shown, bytes: await unpacked(bytes) }
  } catch (error) {
    throw notFound(path, `its gzip is damaged: ${(error as Error).message}`)
  }
}

/** What gzip packed, told by its first two bytes; other bytes as they are. Throws where it is damaged. */
export async function unpacked(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  return promisify(gunzip)(bytes, { maxOutputLength: MAXIMUM_UNPACKED_BYTES })
}

function fullPath(path: StringLiteral, folder: string): string {
  return path.value.startsWith('npm:') ? packagePath(path, folder) : resolve(folder, path.value)
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
