import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { replaceFile } from './replace-file.ts'

/**
 * Compiled modules by content. A key names everything the result depends on but the imported files, whose digests are in
 * the entry, so none is ever stale; a checksum covers each entry, so a damaged or half-written one counts as absent.
 */
export interface Cache {
  read(key: string): Promise<CacheEntry | undefined>
  /** Stores an entry; a folder that cannot be written is reported once through `warn` and otherwise ignored. */
  write(key: string, entry: CacheEntry): Promise<void>
  /** False if there was no entry. */
  remove(key: string): Promise<boolean>
}

export interface CacheEntry {
  /** Anything JSON can hold. */
  readonly description: unknown
  readonly blobs: Readonly<Record<string, Uint8Array>>
}

export interface CacheOptions {
  readonly folder: string
  readonly warn: (message: string) => void
  /** Oldest entries (by last use) go when the folder outgrows this many bytes. */
  readonly maximumBytes?: number
}

const MAGIC = 'nnc-cache 1\n'
const SUFFIX = '.nnc-cache'
const DIGEST_BYTES = 32
const DEFAULT_MAXIMUM_BYTES = 128 * 1024 * 1024
const STALE_AFTER_MS = 60 * 60 * 1000

export function openCache({ folder, warn, maximumBytes = DEFAULT_MAXIMUM_BYTES }: CacheOptions): Cache {
  const fileOf = (key: string): string => join(folder, key + SUFFIX)
  return {
    async read(key) {
      const file = fileOf(key)
      const bytes = await readFile(file).catch(() => undefined)
      const entry = bytes && decodeEntry(bytes)
      if (entry) {
        const now = new Date()
        // Last use decides eviction; a read-only folder merely keeps its old order.
        await utimes(file, now, now).catch(() => undefined)
      }
      return entry
    },
    async write(key, entry) {
      try {
        await mkdir(folder, { recursive: true })
        await replaceFile(fileOf(key), encodeEntry(entry))
      } catch (error) {
        warn(`compiled modules cannot be cached in ${folder}: ${(error as Error).message}`)
        return
      }
      await evict(folder, maximumBytes)
    },
    async remove(key) {
      return rm(fileOf(key)).then(
        () => true,
        () => false,
      )
    },
  }
}

/** A cache that holds nothing, for `--no-cache`. */
export const noCache: Cache = {
  read: async () => undefined,
  write: async () => undefined,
  remove: async () => false,
}

/** The user's cache folder: NNC_CACHE, else where the platform keeps caches. */
export function cacheFolder(environment: Readonly<Record<string, string | undefined>>, platform: string): string {
  if (environment.NNC_CACHE) return environment.NNC_CACHE
  if (environment.XDG_CACHE_HOME) return join(environment.XDG_CACHE_HOME, 'nnc')
  const home = environment.HOME || homedir()
  if (platform === 'win32') return join(environment.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'nnc', 'cache')
  return platform === 'darwin' ? join(home, 'Library', 'Caches', 'nnc') : join(home, '.cache', 'nnc')
}

/** A key for the given parts; their boundaries count. */
export function cacheKey(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  return hash.digest('hex')
}

// An entry: magic, SHA-256 of the rest, then a u32 length and JSON {description, blobs: [[name, bytes], …]}, then the blobs.
function encodeEntry(entry: CacheEntry): Buffer {
  const blobs = Object.entries(entry.blobs)
  const header = Buffer.from(
    JSON.stringify({ description: entry.description, blobs: blobs.map(([name, bytes]) => [name, bytes.length]) }),
  )
  const length = Buffer.alloc(4)
  length.writeUInt32LE(header.length)
  const payload = Buffer.concat([length, header, ...blobs.map(([, bytes]) => bytes)])
  return Buffer.concat([Buffer.from(MAGIC), digest(payload), payload])
}

function decodeEntry(bytes: Buffer): CacheEntry | undefined {
  const payloadAt = MAGIC.length + DIGEST_BYTES
  if (bytes.length < payloadAt + 4 || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined
  const payload = bytes.subarray(payloadAt)
  if (!digest(payload).equals(bytes.subarray(MAGIC.length, payloadAt))) return undefined
  const headerEnd = 4 + payload.readUInt32LE(0)
  const header = JSON.parse(payload.toString('utf8', 4, headerEnd)) as {
    description: unknown
    blobs: [string, number][]
  }
  const blobs: Record<string, Uint8Array> = {}
  let at = headerEnd
  for (const [name, size] of header.blobs) {
    blobs[name] = new Uint8Array(payload.subarray(at, at + size))
    at += size
  }
  return { description: header.description, blobs }
}

function digest(payload: Buffer): Buffer {
  return createHash('sha256').update(payload).digest()
}

/** Removes leftovers of writers that died, then the entries used longest ago until the rest fits. */
async function evict(folder: string, maximumBytes: number): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  const entries: { file: string; size: number; used: number }[] = []
  for (const name of names) {
    const file = join(folder, name)
    const facts = await stat(file).catch(() => undefined)
    if (!facts?.isFile()) continue
    if (name.endsWith('.tmp') && Date.now() - facts.mtimeMs > STALE_AFTER_MS)
      await rm(file, { force: true }).catch(() => undefined)
    if (name.endsWith(SUFFIX)) entries.push({ file, size: facts.size, used: facts.mtimeMs })
  }
  let total = entries.reduce((sum, entry) => sum + entry.size, 0)
  for (const entry of entries.sort((a, b) => a.used - b.used)) {
    if (total <= maximumBytes) return
    await rm(entry.file, { force: true }).catch(() => undefined)
    total -= entry.size
  }
}
