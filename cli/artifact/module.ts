import { buildNames } from '../../runtime/builds.ts'
import type { ArtifactOptions } from './artifact.ts'
import { wasmName } from './artifact.ts'

/** The text of `<name>.js`: the runtime, then what is this model's own. */
export function moduleText({ manifest, modules, runtime, inline }: ArtifactOptions): string {
  const { name } = manifest
  const builds = buildNames.flatMap((build) => {
    const wasm = modules[build]
    if (!wasm) return []
    const source = inline ? `decode('${base64(wasm)}')` : `read(new URL('./${wasmName(name, build)}', import.meta.url))`
    return [`  '${build}': () => ${source},`]
  })
  return `// Made by nnc ${manifest.compiler} from ${name}.nn; the types are in ${name}.d.ts.
${runtime.code.trimEnd()}
const { ModelError, connectWorker, createTokenizer, load, serveModel } = runtime
${inline ? decodeText : readText}
const builds = {
${builds.join('\n')}
}

/** The model, initialised and ready to train or predict. */
export const create = (options) => load(builds, options)

/** The same in a worker of its own; every method answers with a promise. */
export const createInWorker = (options) =>
  connectWorker(new Worker(new URL('./${name}.worker.js', import.meta.url), { type: 'module' }), options)

export { ModelError, connectWorker, createTokenizer, load, serveModel }
`
}

/** Node's fetch knows no files; its file system is asked for in a way that bundlers leave alone. */
const readText = `
const read = (url) => {
  const files = url.protocol === 'file:' && globalThis.process?.getBuiltinModule?.('node:fs')
  return files ? files.promises.readFile(url) : fetch(url)
}`

const decodeText = `
const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))`

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}
