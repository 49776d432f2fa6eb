/** The page: an editor, and what the worker behind it says. */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { lintGutter, setDiagnostics } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { nnLanguage } from './highlight.ts'
import type { Answer, Problem, Request } from './messages.ts'

/** How long a text stays unchecked after a key, in milliseconds. */
const CHECKED_AFTER = 250
/** Where the text is kept until the next visit. */
const KEPT = 'nnc.playground'

function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind
}

const worker = new Worker(new URL('session.js', import.meta.url), { type: 'module' })
const send = (request: Request): void => worker.postMessage(request)

let version = 0
let waiting: ReturnType<typeof setTimeout> | undefined
let ready = false
let parts: readonly string[] = []
let measures: readonly string[] = []

const look = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--keyword)' },
  { tag: [tags.className, tags.typeName], color: 'var(--name)' },
  { tag: tags.number, color: 'var(--number)' },
  { tag: tags.string, color: 'var(--string)' },
  { tag: [tags.comment, tags.operator], color: 'var(--quiet)' },
])
const theme = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'var(--ground)', color: 'var(--text)' },
  '.cm-scroller': { font: '13px/1.55 ui-monospace, "DejaVu Sans Mono", monospace' },
  '.cm-gutters': { backgroundColor: 'var(--side)', color: 'var(--quiet)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-tooltip': { backgroundColor: 'var(--side)', border: '1px solid var(--line)', whiteSpace: 'pre-wrap' },
})
const editor = new EditorView({
  parent: element('editor'),
  state: EditorState.create({
    extensions: [
      lineNumbers(),
      lintGutter(),
      history(),
      bracketMatching(),
      highlightActiveLine(),
      nnLanguage,
      syntaxHighlighting(look),
      theme,
      keymap.of([
        { key: 'Mod-Enter', run: startTraining, preventDefault: true },
        indentWithTab,
        ...defaultKeymap,
        ...historyKeymap,
      ]),
      EditorView.contentAttributes.of({ 'aria-label': 'The .nn file' }),
      EditorView.updateListener.of(({ docChanged }) => {
        if (docChanged) checkSoon()
      }),
    ],
  }),
})

function checkSoon(): void {
  clearTimeout(waiting)
  waiting = setTimeout(() => {
    version++
    const text = editor.state.doc.toString()
    localStorage.setItem(KEPT, text)
    send({ kind: 'check', version, text })
  }, CHECKED_AFTER)
}

function showProblems(problems: readonly Problem[]): void {
  const { length } = editor.state.doc
  const shown = problems.map((problem) => ({
    ...problem,
    from: Math.min(problem.from, length),
    to: Math.min(Math.max(problem.to, problem.from + 1), length),
  }))
  editor.dispatch(setDiagnostics(editor.state, shown))
}

function startTraining(): boolean {
  if (element<HTMLButtonElement>('train').disabled) return true
  const text = editor.state.doc.toString()
  for (const id of ['facts', 'picture', 'closing', 'epochs', 'predictions', 'error']) element(id).replaceChildren()
  for (const id of ['error', 'predict', 'downloads', 'welcome']) element(id).hidden = true
  busy(true)
  send({ kind: 'train', text, name: 'model.nn' })
  return true
}

function busy(training: boolean): void {
  element<HTMLButtonElement>('train').disabled = training
  element('stop').hidden = !training
  element('bar').hidden = !training
  progress(0)
}

function progress(share: number): void {
  ;(element('bar').firstElementChild as HTMLElement).style.width = `${100 * share}%`
}

function say(text: string): void {
  element('status').textContent = text
}

function row(cells: readonly string[], kind: 'th' | 'td'): HTMLTableRowElement {
  const line = document.createElement('tr')
  for (const text of cells) line.append(Object.assign(document.createElement(kind), { textContent: text }))
  return line
}

function addEpoch(cells: readonly string[], best: boolean): void {
  const table = element<HTMLTableElement>('epochs')
  if (table.rows.length === 0) {
    const names = parts.flatMap((part) =>
      measures.map((measure) => (parts.length > 1 ? `${part} ${measure}` : measure)),
    )
    table.append(row(['epoch', ...names, 'samples/s'], 'th'))
  }
  const line = row(cells, 'td')
  line.lastElementChild!.classList.toggle('best', best)
  // The latest first, below the names.
  table.rows[0]!.after(line)
}

/** What the worker draws is our own SVG, with every text in it escaped. */
function showPicture(svg: string): void {
  element('picture').innerHTML = svg
}

function showError(message: string, hint: string | undefined): void {
  const box = element('error')
  box.hidden = false
  box.textContent = hint === undefined ? message : `${message}\nhelp: ${hint}`
}

worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
  switch (data.kind) {
    case 'checked': {
      if (!ready) {
        ready = true
        busy(false)
      }
      if (data.version !== version) return
      showProblems(data.problems)
      const errors = data.problems.filter(({ severity }) => severity === 'error').length
      if (element('bar').hidden) say(errors === 0 ? 'ready' : `${errors} ${errors === 1 ? 'mistake' : 'mistakes'}`)
      return
    }
    case 'doing':
      return say(`${data.what} …`)
    case 'started':
      ;({ parts, measures } = data)
      element('facts').replaceChildren(
        ...data.facts.map((text) => Object.assign(document.createElement('li'), { textContent: text })),
      )
      return
    case 'progress':
      progress(data.share)
      return say(data.text)
    case 'epoch':
      addEpoch(data.cells, data.best)
      if (data.picture !== undefined) showPicture(data.picture)
      return
    case 'done':
      busy(false)
      say('done')
      showPicture(data.picture)
      element('closing').textContent = data.lines.join('\n')
      element<HTMLTextAreaElement>('rows').value = data.sample
      element('predict').hidden = false
      element('downloads').hidden = false
      return
    case 'failed':
      busy(false)
      say('')
      if (data.problems) showProblems(data.problems)
      return showError(data.message, data.hint)
    case 'predicted':
      element('error').hidden = true
      element('predictions').textContent = data.text
      return
    case 'download': {
      const url = URL.createObjectURL(new Blob([data.bytes as Uint8Array<ArrayBuffer>]))
      Object.assign(document.createElement('a'), { href: url, download: data.name }).click()
      URL.revokeObjectURL(url)
    }
  }
})
worker.addEventListener('error', ({ message }) => {
  say('')
  // A worker that is not found has no message.
  showError(`the compiler could not be loaded${message ? `: ${message}` : ''}`, undefined)
})

async function addFiles(files: Iterable<File>): Promise<void> {
  const names: string[] = []
  for (const file of files) {
    send({ kind: 'file', name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })
    names.push(file.name)
  }
  if (names.length > 0) say(`added ${names.join(', ')}`)
}

function setText(text: string): void {
  editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } })
}

element('train').addEventListener('click', startTraining)
element('stop').addEventListener('click', () => send({ kind: 'stop' }))
element('run').addEventListener('click', () =>
  send({ kind: 'predict', rows: element<HTMLTextAreaElement>('rows').value }),
)
element('weights').addEventListener('click', () => send({ kind: 'download', what: 'weights' }))
element('module').addEventListener('click', () => send({ kind: 'download', what: 'module' }))
element<HTMLInputElement>('files').addEventListener('change', ({ target }) =>
  addFiles((target as HTMLInputElement).files ?? []),
)
addEventListener('dragover', (event) => event.preventDefault())
addEventListener('drop', (event) => {
  event.preventDefault()
  void addFiles(event.dataTransfer?.files ?? [])
})

const examples = (await (await fetch('examples.json')).json()) as Readonly<Record<string, string>>
const choice = element<HTMLSelectElement>('example')
for (const name of Object.keys(examples)) choice.append(new Option(name))
choice.addEventListener('change', () => setText(examples[choice.value]!))
const kept = localStorage.getItem(KEPT)
const known = Object.entries(examples).find(([, text]) => text === kept)
if (kept !== null && !known) choice.prepend(new Option('your text', '', true, true))
else choice.value = known?.[0] ?? Object.keys(examples)[0]!
setText(kept ?? examples[choice.value]!)
