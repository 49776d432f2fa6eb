/** The worker behind the page: it checks the text as it is written, compiles it, trains and predicts. */
import { checkData } from '../cli/data/check-data.ts'
import { FormatError } from '../cli/data/format-error.ts'
import { DiagnosticsError, UserError } from '../cli/user-error.ts'
import { compile, type Diagnostic } from '../compiler/index.ts'
import { ModelError } from '../runtime/index.ts'
import type { Answer, Problem, Request } from './messages.ts'
import { pageFiles, type ServedFiles } from './page-files.ts'
import { type Trained, train } from './training.ts'

/** A worker's own scope, of which the page's types know nothing. */
interface WorkerScope {
  postMessage(message: Answer): void
  addEventListener(type: 'message', listener: (event: { readonly data: Request }) => void): void
}

const scope = globalThis as unknown as WorkerScope
const given = new Map<string, Uint8Array>()
let served: Promise<ServedFiles> | undefined
const files = pageFiles(given, () => {
  served ??= fetch('data/files.json').then((response) => response.json() as Promise<ServedFiles>)
  return served
})
let trained: Trained | undefined
let running: AbortController | undefined
let assembler: Promise<unknown> | undefined

scope.addEventListener('message', ({ data }) => {
  answer(data).catch((error: unknown) => scope.postMessage(failure(error)))
})

async function answer(request: Request): Promise<void> {
  switch (request.kind) {
    case 'file':
      given.set(request.name, request.bytes)
      return
    case 'check':
      scope.postMessage({ kind: 'checked', version: request.version, problems: await check(request.text) })
      // By the time one trains, what takes longest to load is there.
      assembler ??= Promise.all([import('assemblyscript/asc'), import('binaryen')])
      await assembler
      return
    case 'train':
      return run(request.text, request.name)
    case 'stop':
      running?.abort()
      return
    case 'predict':
      scope.postMessage({ kind: 'predicted', text: await need(trained).predict(request.rows) })
      return
    case 'download': {
      const { name, module, save } = need(trained)
      const [extension, bytes] = request.what === 'module' ? ['wasm', module] : ['safetensors', save()]
      scope.postMessage({ kind: 'download', name: `${name}.${extension}`, bytes })
    }
  }
}

async function run(text: string, name: string): Promise<void> {
  running?.abort()
  running = new AbortController()
  trained = undefined
  trained = await train({ name, path: name, text }, files, running.signal, scope.postMessage.bind(scope))
}

function need(model: Trained | undefined): Trained {
  if (model) return model
  throw new UserError('nothing has been trained in this page yet', 'press Train first')
}

async function check(text: string): Promise<readonly Problem[]> {
  const { diagnostics, checked } = await compile(text, { file: 'model.nn', stopAfter: 'check' })
  return problemsOf([...diagnostics, ...(checked ? checkData(checked.data) : [])], 'model.nn')
}

function problemsOf(diagnostics: readonly Diagnostic[], file: string): readonly Problem[] {
  return diagnostics.map(({ code, severity, message, hint, span, labels }) => {
    // A place in the library says nothing in this page: the user's own label does.
    const place = [span, ...labels.map((label) => label.span)].find((each) => each.file === file) ?? {
      start: 0,
      end: 0,
    }
    const text = [
      `${message} (${code})`,
      ...labels.map((label) => label.message),
      ...(hint === undefined ? [] : [`help: ${hint}`]),
    ]
    return { from: place.start, to: place.end, severity, message: text.join('\n') }
  })
}

/** What went wrong, for the page; a fault of ours says so. */
function failure(error: unknown): Answer {
  if (error instanceof DiagnosticsError) {
    const [file = 'model.nn'] = error.sources.keys()
    const problems = problemsOf(error.diagnostics, file)
    return { kind: 'failed', message: problems.find(({ severity }) => severity === 'error')!.message, problems }
  }
  if (error instanceof UserError)
    return { kind: 'failed', message: error.message, ...(error.hint !== undefined && { hint: error.hint }) }
  if (error instanceof FormatError || error instanceof ModelError) return { kind: 'failed', message: error.message }
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'failed', message: `${message}; this is a fault of nnc, please report it` }
}
