/** How the command prints quantities. */
import type { ManifestMetric } from '../runtime/manifest.ts'

/** 203530 → "203,530" */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** 1536 → "1.5 KB"; 1 KB = 1,024 bytes. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const units = ['KB', 'MB', 'GB']
  let size = bytes / 1024
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${size.toFixed(size < 100 ? 1 : 0)} ${units[unit]}`
}

/** 184 → "184 ms", 12345 → "12.3 s", 75000 → "1 min 15 s" */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1) return '<1 ms'
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 9_995) return `${(milliseconds / 1000).toFixed(2)} s`
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** Four significant digits: "0.2764", "12.35", "1.234e-7"; "NaN" and "Infinity" as they are. */
export function formatMeasure(value: number): string {
  const size = Math.abs(value)
  if (value === 0 || !Number.isFinite(value)) return String(value)
  if (size < 1e-3 || size >= 1e6) return value.toExponential(3)
  return value.toFixed(Math.max(0, Math.min(4, 3 - Math.floor(Math.log10(size)))))
}

/** 0.9789 → "97.89 %" */
export function formatPercent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(2)} %` : String(share)
}

/** Whether a metric is a share of the whole, told by its definition, or by the name of a mere average. */
export function isShare({ name, over, unit }: ManifestMetric): boolean {
  return over === 'batch' ? /accuracy|precision|recall/i.test(name) : unit === 'percent'
}

/** A loss or metric: shares as percentages. */
export function formatMetric(metric: ManifestMetric, value: number): string {
  if (isShare(metric)) return formatPercent(value)
  return metric.over === 'epoch' && Number.isInteger(value) ? String(value) : formatMeasure(value)
}
