import { formatCount } from '../numbers.ts'
import { formatTime } from './format-time.ts'
import type { EntryProfile, KernelProfile } from './profile.ts'

const STYLE = `body { font: 14px system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
.row { display: flex; width: 100% }
.box { box-sizing: border-box; overflow: hidden; border: 1px solid #fff; border-radius: 3px }
.label { padding: 2px 4px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.entry > .label { background: #ccd6e0 } .line > .label { background: #e3e8ee }
table { border-collapse: collapse; margin: 1em 0 3em } td, th { padding: 2px 10px; text-align: right }
td:first-child, td:last-child, th:first-child, th:last-child { text-align: left }
tr:nth-child(even) { background: #f4f6f8 }`

/**
 * A page that stands alone: for each entry a flame view, time as width, from the entry over the lines of the `.nn` text
 * to the kernels, and the table behind it. A kernel's colour goes from red, far from what the machine can do, to green.
 */
export function profileHtml(file: string, profiles: readonly EntryProfile[]): string {
  const title = `Profile of ${escaped(file)}`
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><style>
${STYLE}
</style></head>
<body>
<h1>${title}</h1>
<p>Width is time. A kernel is green where it comes near the least time this machine could take, red where it is far from it.</p>
${profiles.map(entryHtml).join('\n')}
</body>
</html>
`
}

function entryHtml({ entry, ms, kernels }: EntryProfile): string {
  const lines = new Map<string, KernelProfile[]>()
  for (const kernel of kernels) {
    const place = kernel.place ?? 'no line'
    const known = lines.get(place)
    if (known) known.push(kernel)
    else lines.set(place, [kernel])
  }
  const total = (own: readonly KernelProfile[]): number => own.reduce((sum, kernel) => sum + kernel.ms, 0)
  const boxes = [...lines]
    .sort(([, a], [, b]) => total(b) - total(a))
    .map(([place, own]) => {
      const inner = own.map((kernel) => kernelBox(kernel, total(own))).join('')
      return box('line', total(own) / ms, `${place} · ${formatTime(total(own))}`, `<div class="row">${inner}</div>`)
    })
  return `<h2>${escaped(entry)}</h2>
<div class="row">${box('entry', 1, `${entry} · ${formatTime(ms)}`, `<div class="row">${boxes.join('')}</div>`)}</div>
<table>
<tr><th>kernel</th><th>time</th><th>share</th><th>calls</th><th>GFLOP/s</th><th>GB/s</th><th>roofline</th><th>line</th></tr>
${kernels.map((kernel) => tableRow(kernel, ms)).join('\n')}
</table>`
}

function kernelBox({ kernel, ms, roofline, title }: KernelProfile, around: number): string {
  const hue = Math.round(120 * Math.min(1, roofline))
  const text = `${kernel} · ${formatTime(ms)} · ${Math.round(100 * roofline)} % of the roofline · ${title}`
  return box('kernel', ms / around, text, '', `background: hsl(${hue} 60% 80%)`)
}

function box(kind: string, share: number, text: string, inner: string, style = ''): string {
  const label = `<div class="label" style="${style}">${escaped(text)}</div>`
  return `<div class="box ${kind}" style="width: ${(100 * share).toFixed(3)}%" title="${escaped(text)}">${label}${inner}</div>`
}

function tableRow(own: KernelProfile, ms: number): string {
  const cells = [
    own.kernel,
    formatTime(own.ms),
    `${((100 * own.ms) / ms).toFixed(1)} %`,
    formatCount(own.calls),
    (own.flops / own.ms / 1e6).toFixed(1),
    (own.bytes / own.ms / 1e6).toFixed(1),
    `${Math.round(100 * own.roofline)} %`,
    own.place ?? '',
  ]
  return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
