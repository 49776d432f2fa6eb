/** Where a module for several threads keeps what they agree by, and each one's own: behind all other memory. */
import type { ManifestThreads } from '../../runtime/manifest.ts'
import { callLists, everyCall, type Program } from '../5-fuse/program.ts'

/** Of the control block of asm/threads.ts. */
const BEGUN = 128
const PASSED = 256
const TAKEN = 384
const LINE = 64
const MOST_THREADS = 16

/** A thread's own memory holds the largest scratch a call needs. */
export function threadMemory(program: Program): ManifestThreads {
  const calls = callLists(program).flatMap((list) => everyCall(list.calls))
  const scratch = calls.flatMap((call) => ('scratch' in call && call.scratch !== undefined ? [call.scratch] : []))
  const largest = Math.max(0, ...scratch.map((buffer) => program.buffers[buffer]!.bytes))
  const control = wholeLines(program.memory.total)
  return {
    control,
    sleeping: [control + BEGUN, control + PASSED],
    privateOffset: control + TAKEN + MOST_THREADS * LINE,
    privateBytes: wholeLines(largest),
    maximum: MOST_THREADS,
  }
}

/** Bytes rounded up to cache lines. */
function wholeLines(bytes: number): number {
  return Math.ceil(bytes / LINE) * LINE
}
