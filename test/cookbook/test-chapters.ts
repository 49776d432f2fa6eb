/** Runs every block of chapters of docs/cookbook.md, each chapter in its folder, in order. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load } from '../../runtime/index.ts'
import { readSafetensors } from '../../runtime/safetensors.ts'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand, type TestRun } from '../cli/test-terminal.ts'
import { dataFiles, randomFrom } from './data-files.ts'
import { type Block, type Chapter, shellWords } from './recipes.ts'

/** What PyTorch saved and printed, by pytorch.py. */
const pytorch = JSON.parse(readFileSync(new URL('pytorch.json', import.meta.url), 'utf8')) as {
  readonly file: string
  readonly output: readonly number[]
}
const hasTorch = spawnSync('python3', ['-c', 'import torch, safetensors']).status === 0

/** What the commands of a recipe printed, in order. */
const printed = new Map<string, TestRun[]>()

/** Tests that follow the chapters as a reader would, and look at what comes out. */
export function testChapters(chapters: readonly Chapter[]): void {
  describe.each(chapters)('$name', ({ blocks }) => {
    const folder = temporaryFolder({ ...dataFiles, 'package.json': '{"type":"module"}' })
    symlinkSync(new URL('../../node_modules', import.meta.url).pathname, join(folder, 'node_modules'))
    const commands = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code)
    const trained = commands.flatMap((code) => [...code.matchAll(/^nnc train (\S+)/gm)].map(([, file]) => file!))

    test.each(blocks.map((block) => [`${block.recipe}: ${block.file ?? block.language}`, block] as const))(
      '%s',
      async (_, block) => {
        if (block.file) writeFileSync(join(folder, block.file), block.code)
        await follow(block, folder)
        if (block.language === 'nn' && !trained.includes(block.file!)) await learns(block)
      },
    )
    for (const recipe of new Set(blocks.map((block) => block.recipe))) {
      const expectation = outcomes[recipe]
      if (expectation) test(`${recipe}: outcome`, () => expectation(printed.get(recipe) ?? [], folder))
    }
  })
}

async function follow(block: Block, folder: string): Promise<void> {
  switch (block.language) {
    case 'nn': {
      const { code, output, error } = await runCommand(['check', block.file!], { directory: folder })
      expect({ code, error }, output).toEqual({ code: 0, error: '' })
      return
    }
    case 'sh': {
      const runs = printed.get(block.recipe) ?? []
      printed.set(block.recipe, runs)
      for (const line of block.code.trim().split('\n')) runs.push(await command(line, folder))
      return
    }
    case 'js':
      // A server does not end; its outcome is looked at by itself.
      if (!block.code.includes('listen(')) runScript(block, folder)
      return
    case 'js browser': // test/browser/cookbook.test.ts
      return
    case 'python':
      if (hasTorch)
        writeFileSync(join(folder, `${block.file}.txt`), execFileSync('python3', [block.file!], { cwd: folder }))
      else if (block.file === 'save.py') writeFileSync(join(folder, 'net.safetensors'), pytorch.file, 'base64')
      return
    default:
      throw new Error(`nothing runs a block of ${block.language}`)
  }
}

/** Runs one line of shell: `nnc …`, `echo '…' | nnc …` or `cmp a b`. */
async function command(line: string, folder: string): Promise<TestRun> {
  const piped = /^echo '(.*)' \| (.*)$/.exec(line)
  const [program, ...words] = shellWords(piped?.[2] ?? line)
  if (program === 'cmp') {
    execFileSync('cmp', words, { cwd: folder })
    return { code: 0, output: '', error: '' }
  }
  expect(program).toBe('nnc')
  const run = await runCommand(words, { directory: folder, ...(piped && { input: piped[1]! }) })
  expect(run.code, `${line}\n${run.error}`).toBe(0)
  return run
}

/** What a line says in a comment behind console.log is what it must print. */
function runScript({ file, code }: Block, folder: string): void {
  const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text!)
  expect(expected.length).toBeGreaterThan(0)
  const output = execFileSync(process.execPath, [join(folder, file!)], { encoding: 'utf8', cwd: folder })
  expect(output.replace(/\[ | \]/g, (bracket) => bracket.trim()).trim()).toBe(expected.join('\n'))
}

/** A file no command trains: thirty steps on one random batch make its loss smaller. */
async function learns({ code, file }: Block): Promise<void> {
  const { modules, diagnostics } = await compile(code, { file: file!, builds: ['plain'] })
  expect(diagnostics).toEqual([])
  const model = await load(modules!.plain!)
  const random = randomFrom(5)
  for (const { name, step } of model.manifest.trains) {
    const entry = model.manifest.entries.find((each) => each.name === step)!
    const inputs = Object.fromEntries(
      entry.inputs.map(({ name: input, dtype, shape, limit }) => {
        const sizes = shape.map((size) => (typeof size === 'number' ? size : 16))
        const length = sizes.reduce((total, size) => total * size, 1)
        const value = dtype === 'f32' ? () => 2 * random() - 1 : () => Math.floor(random() * (limit as number))
        return [input, { data: Array.from({ length }, value), shape: sizes }]
      }),
    )
    const first = model.step(name, inputs).loss
    for (let step = 0; step < 30; step++) model.step(name, inputs)
    expect(model.step(name, inputs).loss, `${file}, ${name}`).toBeLessThan(0.97 * first)
  }
}

/** `accuracy` in a line `test  loss 0.12, accuracy 93.33 % …`, or of the last epoch where there is no test part. */
function measured({ output }: TestRun, name: string): number {
  const found = new RegExp(`^test .*\\b${name} ([\\d.]+)`, 'm').exec(output)
  return Number(found?.[1])
}

/** The train block's loss in the first and the last epoch. */
function losses({ output }: TestRun): readonly [number, number] {
  const found = [...output.matchAll(/^ +\d+\/\d+ +(\S+)/gm)].map(([, loss]) => Number(loss))
  return [found[0]!, found.at(-1)!]
}

function tensorsIn(path: string): ReturnType<typeof readSafetensors>['tensors'] {
  return readSafetensors(readFileSync(path)).tensors
}

/** By the titles of recipes. */
export const outcomes: Readonly<Record<string, (runs: readonly TestRun[], folder: string) => void | Promise<void>>> = {
  'I have a CSV with missing values': ([train, predict]) => {
    expect(measured(train!, 'error')).toBeLessThan(0.3)
    const rows = predict!.output.trim().split('\n')
    expect(rows).toHaveLength(4)
    for (const row of rows.slice(1)) expect(Number(row)).toBeGreaterThan(0.5)
  },
  'My classes are unbalanced': ([train]) => expect(measured(train!, 'balanced')).toBeGreaterThan(80),
  'My sequences have different lengths': ([train]) => expect(measured(train!, 'accuracy')).toBeGreaterThan(90),
  'I have a time series': ([train, predict]) => {
    expect(measured(train!, 'r2')).toBeGreaterThan(0.7)
    expect(predict!.output.trim().split('\n')).toHaveLength(2)
  },
  'Try many learning rates and widths': ([sweep]) => expect(sweep!.output).toContain('nnc train flowers.nn'),
  'Choose by cross-validation': ([folds]) => expect(folds!.output).toMatch(/mean/),
  'Compare two runs in a picture': (_, folder) =>
    expect(readFileSync(join(folder, 'widths.svg'), 'utf8')).toMatch(/two[\s\S]*<\/svg>/),
  'Train some more': ([, more]) => expect(more!.output).toMatch(/^ +6\/8 /m),
  'Large batches on little memory': ([, train]) => {
    const [first, last] = losses(train!)
    expect(last).toBeLessThan(0.8 * first)
  },
  'See why the loss is NaN': ([broken, mended]) => {
    expect(broken!.error).toContain('not a finite number')
    expect(broken!.output).toMatch(/-\d\.\d/)
    expect(mended!.error).toBe('')
    const [first, last] = losses(mended!)
    expect(last).toBeLessThan(first)
  },
  'Freeze a pretrained part and train a new head': ([, head], folder) => {
    const [base, net] = ['base', 'head'].map((name) => tensorsIn(join(folder, `out/${name}.safetensors`)))
    expect(net!.get('hidden.w')!.bytes).toEqual(base!.get('hidden.w')!.bytes)
    expect([...net!.keys()].filter((name) => name.startsWith('fit/hidden'))).toEqual([])
    const [first, last] = losses(head!)
    expect(last).toBeLessThan(first)
  },
  'Train low-rank adapters (LoRA)': ([train], folder) => {
    const [base, net] = ['base', 'adapted'].map((name) => tensorsIn(join(folder, `out/${name}.safetensors`)))
    expect(net!.get('hidden.base.w')!.bytes).toEqual(base!.get('hidden.w')!.bytes)
    const [first, last] = losses(train!)
    expect(last).toBeLessThan(first)
  },
  'Take weights from PyTorch': ([predict]) => {
    const [{ output }] = JSON.parse(predict!.output) as [{ output: number[] }]
    expect(output).toHaveLength(3)
    for (const [at, value] of pytorch.output.entries()) expect(output[at]).toBeCloseTo(value, 5)
  },
  'Give weights to PyTorch': async (_, folder) => {
    if (!hasTorch) return
    const [expected] = JSON.parse(readFileSync(join(folder, 'load.py.txt'), 'utf8')) as [number[]]
    const { output } = await command(
      `echo '{"features": [[5.1, 3.5, 1.4, 0.2]]}' | nnc predict base.nn --weights out/base.safetensors --input -`,
      folder,
    )
    const [row] = JSON.parse(output) as [{ output: number[] }]
    for (const [at, value] of expected.entries()) expect(row.output[at]).toBeCloseTo(value, 4)
  },
  'A layer of my own': ([, doc]) => expect(doc!.output).toContain('y = g ⊙ relu'),
  'An optimizer of my own': ([train]) => expect(losses(train!)[1]).toBeLessThan(0.1),
  'A gradient of my own, checked': ([check]) => expect(check!.output).toContain('smooth_hinge'),
  'A recurrent network across batches': ([train, generate]) => {
    expect(losses(train!)[1]).toBeLessThan(0.6 * losses(train!)[0])
    expect(generate!.output.trim().length).toBeGreaterThan(50)
  },
  'A GPT that writes with a cache': ([train, generate]) => {
    expect(losses(train!)[1]).toBeLessThan(0.7 * losses(train!)[0])
    expect(generate!.output.trim().length).toBeGreaterThan(50)
  },
  'Feedback until it settles': ([train]) => expect(losses(train!)[1]).toBeLessThan(0.2),
  'Predict in a server': (_, folder) => answers(folder),
  'Read what the compiler made': ([inspect, , graph], folder) => {
    expect(inspect!.output).toContain('conv.w')
    expect(readFileSync(join(folder, 'dist/image.as.ts'), 'utf8').length).toBeGreaterThan(1000)
    expect(graph!.output).toContain('conv')
  },
  'Which line is slow': ([profile], folder) => {
    expect(profile!.output).toContain('image.nn')
    expect(readFileSync(join(folder, 'profile.html'), 'utf8')).toContain('</html>')
  },
}

/** The server of the page, on a free port. */
async function answers(folder: string): Promise<void> {
  const text = readFileSync(join(folder, 'server.js'), 'utf8')
  const free = text.replace('listen(8080)', 'listen(0, () => console.log(server.address().port))')
  expect(free).not.toBe(text)
  writeFileSync(join(folder, 'server-here.js'), free)
  const server: ChildProcess = spawn(process.execPath, ['server-here.js'], { cwd: folder })
  try {
    const port = await new Promise<string>((resolve) =>
      server.stdout!.once('data', (text) => resolve(String(text).trim())),
    )
    const ask = (rows: unknown) => fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: JSON.stringify(rows) })
    const good = (await (
      await ask([
        [5.1, 3.5, 1.4, 0.2],
        [6.3, 3.3, 6.0, 2.5],
      ])
    ).json()) as { species: string }[]
    expect(good.map(({ species }) => species)).toEqual(['setosa', 'virginica'])
    const bad = await ask([[5.1, 3.5]])
    expect([bad.status, await bad.text()]).toEqual([400, expect.stringContaining('features')])
  } finally {
    server.kill()
  }
}
