import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const folder = mkdtempSync(join(tmpdir(), 'nnc-package-'))
const installed = join(folder, 'node_modules/nnc')
const windows = process.platform === 'win32'
const environment = { ...process.env, NNC_CACHE: join(folder, 'cache') }

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function npm(commandLine: readonly string[], directory: string): string {
  return execFileSync(windows ? 'npm.cmd' : 'npm', commandLine, {
    cwd: directory,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: windows,
  })
}

function nnc(...commandLine: readonly string[]): { code: number | null; output: string; error: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(installed, 'dist/cli/main.js'), ...commandLine],
    {
      cwd: folder,
      encoding: 'utf8',
      env: environment,
    },
  )
  return { code: status, output: stdout, error: stderr }
}

/** What `npm publish` would send, installed in an empty folder. `npm test` has built it; alone, this file does. */
beforeAll(() => {
  if (!existsSync(join(root, 'dist/cli/main.js'))) npm(['run', 'build'], root)
  npm(['pack', '--ignore-scripts', '--pack-destination', folder], root)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!
  writeFileSync(join(folder, 'package.json'), '{ "name": "elsewhere", "private": true, "type": "module" }')
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`], folder)
  for (const file of ['xor.nn', 'xor.csv'])
    writeFileSync(join(folder, file), readFileSync(join(root, 'examples/xor', file)))
}, 300_000)

test('the package holds the built code and nothing of the workshop', () => {
  expect(readdirSync(installed).sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json'])
  expect(readdirSync(join(installed, 'dist')).sort()).toEqual(['chunks', 'cli', 'compiler', 'runtime'])
})

test('one copy of binaryen is installed', () => {
  const copies = readdirSync(join(folder, 'node_modules'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    /(^|[\\/])binaryen[\\/]package\.json$/.test(path),
  )
  expect(copies).toHaveLength(1)
})

describe('the command', () => {
  test('checks through npx', () => {
    const output = npm(['exec', '--offline', '--', 'nnc', 'check', 'xor.nn'], folder)
    expect(output).toBe('xor.nn: no mistakes found\n')
  })

  test('trains, and a failure has its exit code', () => {
    const { code, output } = nnc('train', 'xor.nn', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(output.trimEnd().split('\n').at(-1)!)).toMatchObject({ event: 'done', epochs: 200 })
    expect(nnc('train', 'no-such.nn').code).toBe(1)
    expect(nnc('train').code).toBe(2)
  })

  test('builds an artifact that runs with no package installed', () => {
    const { code, output } = nnc('build', 'xor.nn', '-o', 'artifact')
    expect(code).toBe(0)
    expect(output).toMatch(/artifact\/xor\.wasm +[\d.]+ KB +[\d.]+ KB/)
    const program = `
      import { create } from ${JSON.stringify(pathToFileURL(join(folder, 'artifact/xor.js')).href)}
      const model = await create()
      const x = [[0, 0], [0, 1], [1, 0], [1, 1]]
      for await (const event of model.fit('fit', { x, y: [[0], [1], [1], [0]] })) if (event.kind === 'done') break
      console.log(JSON.stringify([...model.predict('Xor', { x }).output.data].map((value) => value > 0)))
    `
    const away = mkdtempSync(join(tmpdir(), 'nnc-away-'))
    writeFileSync(join(away, 'program.mjs'), program)
    const printed = execFileSync(process.execPath, ['program.mjs'], { cwd: away, encoding: 'utf8' })
    rmSync(away, { recursive: true, force: true })
    expect(JSON.parse(printed)).toEqual([false, true, true, false])
  })

  test.skipIf(windows)('Ctrl-C saves a checkpoint that can be resumed', async () => {
    const child = spawn(
      process.execPath,
      [join(installed, 'dist/cli/main.js'), 'train', 'xor.nn', '--epochs', '100000000', '-o', 'broken'],
      { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let output = ''
    for await (const chunk of child.stdout) {
      output += String(chunk)
      if (/ 3\/100000000 /.test(output) && !child.killed) child.kill('SIGINT')
      if (output.length > 1_000_000) output = output.slice(-10_000)
    }
    const code = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)))
    expect(code).toBe(130)
    expect(output).toContain('--resume broken/xor.checkpoint.safetensors')
    const resumed = nnc('eval', 'xor.nn', '--weights', 'broken/xor.checkpoint.safetensors', '--json')
    expect(resumed).toMatchObject({ code: 0, error: '' })
  })

  test('check answers at once and loads neither the back end nor the CSV reader', () => {
    // The processor's time, not the clock's: the tests beside this one may keep both cores busy.
    const meter =
      'data:text/javascript,process.on("exit",()=>{const{user,system}=process.cpuUsage();console.log((user+system)/1e6)})'
    const main = join(installed, 'dist/cli/main.js')
    const seconds = Array.from({ length: 3 }, () => {
      const printed = execFileSync(process.execPath, ['--import', meter, main, 'check', 'xor.nn'], {
        cwd: folder,
        encoding: 'utf8',
      })
      return Number(printed.trimEnd().split('\n').at(-1))
    })
    expect(Math.min(...seconds)).toBeLessThan(0.8)
    const coverage = join(folder, 'coverage')
    execFileSync(process.execPath, [main, 'check', 'xor.nn'], {
      cwd: folder,
      env: { ...environment, NODE_V8_COVERAGE: coverage },
    })
    const loaded = readdirSync(coverage)
      .map((name) => readFileSync(join(coverage, name), 'utf8'))
      .join('\n')
    expect(loaded).toContain('commander')
    for (const heavy of ['assemblyscript', 'binaryen', 'papaparse'])
      expect(loaded).not.toContain(`node_modules/${heavy}`)
  })
})

test('compiler and runtime can be imported, with types', () => {
  writeFileSync(
    join(folder, 'use.ts'),
    `import { compile, checkSource, renderDiagnostics, type Compilation } from 'nnc'
import { load, ModelError, type Model } from 'nnc/runtime'

const source = 'model Line(x: f32[Batch, 1]) -> f32[Batch, 1] { return x |> fc: Linear(1) }'
const checked: Compilation = checkSource(source.replace('Linear', 'Liner'), { file: 'line.nn' })
console.log(renderDiagnostics(checked.diagnostics, checked.sources).split('\\n')[0])
const { modules } = await compile(source, { file: 'line.nn', builds: ['plain'] })
const model: Model = await load(modules!.plain as Uint8Array<ArrayBuffer>)
console.log(model.parameters.names.join())
try {
  model.predict('Lime', { x: [[1]] })
} catch (error) {
  console.log(error instanceof ModelError)
}
`,
  )
  const options = [
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--strict',
    '--types',
    '',
    '--lib',
    'es2023,dom,dom.iterable,dom.asynciterable',
  ]
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, ...options, 'use.ts'], { cwd: folder, encoding: 'utf8' })
  expect(stdout).toBe('')
  const printed = execFileSync(process.execPath, ['use.js'], { cwd: folder, encoding: 'utf8' })
  expect(printed).toBe('error[NN0201]: there is nothing called `Liner` here\nfc.w,fc.b\ntrue\n')
})
