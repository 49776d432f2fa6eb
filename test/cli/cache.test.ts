import { readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CacheEntry, cacheFolder, cacheKey, openCache } from '../../cli/cache.ts'
import { temporaryFolder } from './temporary-folder.ts'

const entry: CacheEntry = { description: { text: 'é' }, blobs: { a: Uint8Array.of(1, 2, 3), b: new Uint8Array(1000) } }

function opened(maximumBytes?: number) {
  const folder = temporaryFolder()
  const warnings: string[] = []
  const cache = openCache({
    folder,
    warn: (message) => void warnings.push(message),
    ...(maximumBytes !== undefined && { maximumBytes }),
  })
  return { folder, warnings, cache, fileOf: (key: string) => join(folder, `${key}.nnc-cache`) }
}

test('an entry comes back as it was, in another process too', async () => {
  const { cache, folder, warnings } = opened()
  expect(await cache.read('k')).toBeUndefined()
  await cache.write('k', entry)
  expect(await cache.read('k')).toEqual(entry)
  expect(await openCache({ folder, warn: () => undefined }).read('k')).toEqual(entry)
  expect(readdirSync(folder)).toEqual(['k.nnc-cache'])
  expect(warnings).toEqual([])
})

describe('a damaged entry counts as absent and is replaced', () => {
  test('every byte flipped, one at a time', async () => {
    const { cache, fileOf } = opened()
    await cache.write('k', { description: 7, blobs: { a: Uint8Array.of(1, 2) } })
    const whole = readFileSync(fileOf('k'))
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      writeFileSync(fileOf('k'), damaged)
      expect(await cache.read('k'), `byte ${at}`).toBeUndefined()
    }
    await cache.write('k', entry)
    expect(await cache.read('k')).toEqual(entry)
  })

  test('cut off anywhere', async () => {
    const { cache, fileOf } = opened()
    await cache.write('k', { description: 7, blobs: { a: Uint8Array.of(1, 2) } })
    for (let length = readFileSync(fileOf('k')).length - 1; length >= 0; length--) {
      truncateSync(fileOf('k'), length)
      expect(await cache.read('k'), `${length} bytes`).toBeUndefined()
    }
  })
})

test('the entries used longest ago go when the folder is full, and leftovers of dead writers', async () => {
  const { cache, fileOf, folder } = opened(3500)
  const past = (minutes: number): Date => new Date(Date.now() - minutes * 60_000)
  await cache.write('first', entry)
  await cache.write('second', entry)
  await cache.write('third', entry)
  utimesSync(fileOf('first'), past(30), past(30))
  utimesSync(fileOf('second'), past(20), past(20))
  utimesSync(fileOf('third'), past(10), past(10))
  await cache.read('first')
  writeFileSync(join(folder, 'dead.tmp'), 'x')
  utimesSync(join(folder, 'dead.tmp'), past(90), past(90))
  writeFileSync(join(folder, 'alive.tmp'), 'x')
  await cache.write('fourth', entry)
  expect(readdirSync(folder).sort()).toEqual(['alive.tmp', 'first.nnc-cache', 'fourth.nnc-cache', 'third.nnc-cache'])
})

test('a folder that cannot be written is a warning, not a failure', async () => {
  const { folder } = opened()
  writeFileSync(join(folder, 'file'), '')
  const warnings: string[] = []
  const cache = openCache({ folder: join(folder, 'file'), warn: (message) => void warnings.push(message) })
  await cache.write('k', entry)
  expect(await cache.read('k')).toBeUndefined()
  expect(warnings).toEqual([expect.stringContaining('cannot be cached')])
})

test('writers at the same time leave one whole entry', async () => {
  const { cache, folder } = opened()
  await Promise.all(Array.from({ length: 20 }, () => cache.write('k', entry)))
  expect(await cache.read('k')).toEqual(entry)
  expect(readdirSync(folder)).toEqual(['k.nnc-cache'])
})

test('a key depends on every part and on where parts begin', () => {
  const keys = [['ab', 'c'], ['a', 'bc'], ['abc'], ['ab', 'c', '']].map(cacheKey)
  expect(new Set(keys).size).toBe(4)
  expect(cacheKey(['ab', 'c'])).toBe(keys[0])
})

test.each([
  ['linux', { HOME: '/h' }, '/h/.cache/nnc'],
  ['linux', { HOME: '/h', XDG_CACHE_HOME: '/x' }, '/x/nnc'],
  ['darwin', { HOME: '/h' }, '/h/Library/Caches/nnc'],
  ['win32', { LOCALAPPDATA: '/l' }, '/l/nnc/cache'],
  ['linux', { HOME: '/h', XDG_CACHE_HOME: '/x', NNC_CACHE: '/n' }, '/n'],
])('on %s with %o the cache is %s', (platform, environment, folder) => {
  expect(cacheFolder(environment, platform).replaceAll('\\', '/')).toBe(folder)
})
