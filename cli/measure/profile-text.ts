import { formatCount } from '../numbers.ts'
import { styleFor } from '../style.ts'
import { formatTime } from './format-time.ts'
import type { EntryProfile } from './profile.ts'

/** Kernels beyond these are summed up in one line. */
const MOST_LINES = 24

/** A profile for reading: where the time of each entry goes, slowest first. */
export function profileText(profiles: readonly EntryProfile[], color: boolean): string {
  const style = styleFor(color)
  return profiles.map(entryText).join('\n')

  function entryText({ entry, ms, runs, kernels }: EntryProfile): string {
    const shown = kernels.slice(0, MOST_LINES)
    const rest = kernels.slice(MOST_LINES)
    const widest = Math.max(...shown.map(({ kernel }) => kernel.length), 6)
    const share = (part: number): string => `${((100 * part) / ms).toFixed(1)} %`.padStart(8)
    const head = `  ${'kernel'.padEnd(widest)}      time   share   calls   GFLOP/s      GB/s  roofline  line`
    const lines = shown.map((own) => {
      const speeds = [own.flops, own.bytes].map((work) => (work / own.ms / 1e6).toFixed(1).padStart(10)).join('')
      const roof = `${Math.round(100 * own.roofline)} %`.padStart(10)
      return `  ${own.kernel.padEnd(widest)}${formatTime(own.ms).padStart(10)}${share(own.ms)}${formatCount(own.calls).padStart(8)}${speeds}${roof}  ${own.place ?? ''}`
    })
    if (rest.length > 0) {
      const time = rest.reduce((sum, own) => sum + own.ms, 0)
      lines.push(`  ${`${rest.length} more`.padEnd(widest)}${formatTime(time).padStart(10)}${share(time)}`)
    }
    const title = `${style.bold(entry)}  ${formatTime(ms)}, median of ${formatCount(runs)} ${runs === 1 ? 'run' : 'runs'}`
    return `${[title, style.dim(head), ...lines].join('\n')}\n`
  }
}
