// Builds the playground, the page that compiles and trains in the tab, as static files, and serves it on this machine.
// node scripts/playground.mjs [--out FOLDER] [--port N] [--build-only]
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { embed } from './embed.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Examples in the order of the list; the data they name is found beside them or in a package. */
const EXAMPLES = ['iris', 'xor', 'penguins', 'cars', 'digits']

/**
 * Writes everything the page needs; the folder can be put on any server of static files.
 * @param {string} out
 */
export async function buildPlayground(out) {
  embed()
  rmSync(out, { recursive: true, force: true })
  mkdirSync(join(out, 'data'), { recursive: true })
  await build({
    entryPoints: ['page', 'session'].map((name) => join(root, `playground/${name}.ts`)),
    outdir: out,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    // The assembler and binaryen look for these in Node.js alone.
    external: ['node:*', 'fs', 'module', 'path', 'url', 'crypto'],
    logLevel: 'warning',
  })
  for (const name of ['index.html', 'playground.css']) cpSync(join(root, 'playground', name), join(out, name))
  const texts = Object.fromEntries(
    EXAMPLES.map((name) => [name, readFileSync(join(root, `examples/${name}/${name}.nn`), 'utf8')]),
  )
  writeFileSync(join(out, 'examples.json'), JSON.stringify(texts))
  const files = EXAMPLES.flatMap((name) => dataOf(name, texts[name]))
  for (const { at, bytes } of files) writeFileSync(join(out, at), bytes)
  writeFileSync(
    join(out, 'data/files.json'),
    JSON.stringify(Object.fromEntries(files.map(({ path, at }) => [path, at]))),
  )
}

/** The files an example's data block names, packed: `{ path, at, bytes }`. */
function dataOf(example, text) {
  return [...text.matchAll(/"((?:npm:)?[\w@./-]+\.(?:csv|json)|npm:[\w@./-]+)"/g)].map(([, path]) => {
    const from = path.startsWith('npm:')
      ? join(root, 'node_modules', path.slice('npm:'.length))
      : join(root, 'examples', example, path)
    return { path, at: `data/${path.replace('npm:', '').replaceAll('/', '-')}.gz`, bytes: gzipSync(readFileSync(from)) }
  })
}

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
}

/** Serves a folder to this machine alone. */
function serve(folder, port) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const file = resolve(folder, `.${pathname.endsWith('/') ? `${pathname}index.html` : pathname}`)
    let content
    try {
      if (file.startsWith(folder + sep)) content = readFileSync(file)
    } catch {
      // Answered below.
    }
    response.writeHead(content ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
    response.end(content)
  })
  server.on('error', (error) => {
    console.error(
      error.code === 'EADDRINUSE' ? `port ${port} is taken; give another, as in --port ${port + 1}` : error.message,
    )
    process.exitCode = 1
  })
  server.listen(port, '127.0.0.1', () => console.log(`http://localhost:${port}   Ctrl-C ends it`))
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(root, 'dist/playground') },
      port: { type: 'string', default: '8080' },
      'build-only': { type: 'boolean', default: false },
    },
  })
  const out = resolve(values.out)
  await buildPlayground(out)
  if (values['build-only']) console.log(`the playground is in ${out}`)
  else serve(out, Number(values.port))
}
