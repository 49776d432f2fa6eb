/** The look of this project's pictures: SVG that brings its own ground, light or dark as the reader's screen is. */

/** One after the other, as seen on a light and on a dark ground. */
export const COLORS = [
  { light: '#0b62c4', dark: '#5aa9ff' },
  { light: '#c2410c', dark: '#ff9a56' },
  { light: '#15803d', dark: '#4fd07a' },
  { light: '#8b2fc9', dark: '#c993ff' },
  { light: '#be123c', dark: '#ff7b93' },
  { light: '#0e7490', dark: '#42c5dd' },
  { light: '#8a6100', dark: '#e3b341' },
  { light: '#57606a', dark: '#a8b3bf' },
]

export interface Picture {
  readonly width: number
  readonly height: number
  readonly title: string
  readonly content: readonly string[]
}

/**
 * A picture that stands alone. Classes: `s0`, `s1`, … for lines and `f0`, `f1`, … for areas and text in the colours of the list, `title`,
 * `quiet`, `grid`, `faint`, `dashed`; `end` and `middle` for where a text's place is.
 */
export function svgPicture({ width, height, title, content }: Picture): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>
${styleSheet()}
</style>
<rect class="ground" width="${width}" height="${height}" rx="8"/>
${content.join('\n')}
</svg>
`
}

function styleSheet(): string {
  const palette = (tone: 'light' | 'dark'): string =>
    COLORS.map((color, index) => `--c${index}:${color[tone]}`).join(';')
  return [
    `svg{--ground:#ffffff;--text:#24292f;--quiet:#636c76;--grid:#e2e6ea;${palette('light')}}`,
    `@media (prefers-color-scheme:dark){svg{--ground:#12171e;--text:#e6edf3;--quiet:#9aa5b1;--grid:#2b333d;${palette('dark')}}}`,
    'text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--text)}',
    '.ground{fill:var(--ground)}.quiet{fill:var(--quiet)}.title{font-weight:600}.end{text-anchor:end}.middle{text-anchor:middle}',
    '.grid{stroke:var(--grid);stroke-width:1}polyline{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}',
    '.faint{stroke-width:1;opacity:.45}.dashed{stroke-dasharray:4 4;stroke-width:1.5}',
    ...COLORS.map((_, index) => `.s${index}{stroke:var(--c${index})}.f${index}{fill:var(--c${index})}`),
  ].join('\n')
}

export function text(content: string, x: number, y: number, kind = ''): string {
  if (content === '') return ''
  return `<text${kind && ` class="${kind}"`} x="${tenths(x)}" y="${y}">${escaped(content)}</text>`
}

export function tenths(value: number): number {
  return Math.round(value * 10) / 10
}

export function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
