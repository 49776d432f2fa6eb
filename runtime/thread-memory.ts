import type { ManifestThreads } from './manifest.ts'

/** Bytes of the memory that `count` threads need. */
export function threadedBytes({ privateOffset, privateBytes }: ManifestThreads, count: number): number {
  return privateOffset + (count - 1) * privateBytes
}

/** Pages of 64 KiB, at least one. */
export function pagesFor(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 65536))
}
