import { DataFault } from '../cli/data/data-fault.ts'
import type { DataFile } from '../cli/data/data-file.ts'
import type { FileOpener } from '../cli/data/read-dataset.ts'
import type { StringLiteral } from '../compiler/1-parse/ast.ts'

/** Where the page has the data of its examples: by the path a `.nn` file names, relative to the page. */
export type ServedFiles = Readonly<Record<string, string>>

/** Opens what the user gave, by name, and what is served with the page. */
export function pageFiles(given: ReadonlyMap<string, Uint8Array>, served: () => Promise<ServedFiles>): FileOpener {
  const one = async (path: StringLiteral): Promise<DataFile> => {
    const name = path.value.split('/').at(-1)!
    const own = given.get(name)
    if (own) return { name, path: path.value, bytes: await unpacked(own, path) }
    const at = (await served())[path.value]
    if (at === undefined)
      throw new DataFault('NN0408', path.span, `\`${path.value}\` is not in this page`, `add a file called ${name}`)
    const response = await fetch(at)
    if (!response.ok)
      throw new DataFault(
        'NN0408',
        path.span,
        `\`${path.value}\` cannot be read: ${response.status} ${response.statusText}`,
      )
    return { name, path: path.value, bytes: await unpacked(new Uint8Array(await response.arrayBuffer()), path) }
  }
  return { one, many: (paths) => Promise.all(paths.map(one)) }
}

/** What is packed with gzip, told by its first bytes, unpacked. */
async function unpacked(bytes: Uint8Array, path: StringLiteral): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  } catch (error) {
    throw new DataFault(
      'NN0408',
      path.span,
      `\`${path.value}\` cannot be read: its gzip is damaged: ${(error as Error).message}`,
    )
  }
}
