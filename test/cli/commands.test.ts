import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestOptions, type TestRun } from './test-terminal.ts'

const examples = new URL('../../examples/', import.meta.url)
const example = (path: string): string => readFileSync(new URL(path, examples), 'utf8')

const line = `model Line(x: f32[Batch, 1]) -> f32[Batch, 1] {
  return x |> fc: Linear(1)
}
data points {
  source csv("points.csv")
  x = [a]
  y = [b]
}
train fit(x: f32[Batch, 1], y: f32[Batch, 1]) on points {
  loss mean_squared_error(Line(x), y)
  optimizer sgd(lr = 0.1)
  batch 4  epochs 3  seed 1
}
`

const folder = temporaryFolder({
  'xor.nn': example('xor/xor.nn'),
  'xor.csv': example('xor/xor.csv'),
  'iris.nn': example('iris/iris.nn'),
  'iris.csv': example('iris/iris.csv'),
  'digits.nn': example('digits/digits.nn'),
  'line.nn': line,
  'points.csv': 'a,b\n0,1\n1,3\n2,5\n3,7\n',
  'wrong.nn': line.replace('Linear(1)', 'Liner(1)').replace('sgd(', 'sgdd('),
  'wrong-data.nn': line.replace('"points.csv"', '"point.csv"'),
  'broken.nn': 'model X(x: f32[B]) -> f32[B] {\n  return (x\n}\n',
  'no-data.nn': line.replace(' on points', ''),
  'unformatted.nn': line.replace('x = [a]', 'x=[ a ]'),
  'latin1.nn': Buffer.from('// caf\xe9\n', 'latin1'),
  'weights.txt': 'these are no weights',
})

function nnc(commandLine: string, options: Partial<TestOptions> = {}): Promise<TestRun> {
  return runCommand(commandLine.split(' '), { directory: folder, ...options })
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each) as Record<string, unknown>)
}

describe('the command line', () => {
  test('--version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await nnc('--version')).toEqual({ code: 0, output: `${version}\n`, error: '' })
  })

  test.each([
    '',
    'check',
    'build',
    'train',
    'eval',
    'predict',
    'generate',
    'export',
    'curve',
    'inspect',
    'bench',
    'profile',
    'tune',
    'doc',
    'fmt',
  ])('nnc %s --help', async (name) => {
    const { code, output, error } = await nnc(`${name} --help`.trim())
    expect({ code, error }).toEqual({ code: 0, error: '' })
    expect(output).toContain('Examples:')
    expect(output).toMatchSnapshot()
  })

  test.each([
    '',
    'trian line.nn',
    'check',
    'train line.nn --epoch 3',
    'train line.nn --epochs 0',
    'train line.nn --epochs three',
    'train line.nn --seed -1',
    'train line.nn --set Hidden',
    'train line.nn --hyper lr=fast',
    'train line.nn --build fast',
    'build line.nn --dump grap',
    'build line.nn --stop-after never',
    'eval line.nn',
    'predict line.nn --weights w',
    'curve',
    'fmt --check --write line.nn',
    'fmt line.nn xor.nn',
  ])('a usage error exits with 2: nnc %s', async (commandLine) => {
    const { code, output, error } = await runCommand(commandLine === '' ? [] : commandLine.split(' '), {
      directory: folder,
    })
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(error).toMatchSnapshot()
  })

  test.each([
    'check wrong.nn',
    'check broken.nn',
    'check line.nn --set Hiden=3',
    'check no-such.nn',
    'check lime.nn',
    'check .',
    'check latin1.nn',
    'train wrong.nn',
    'train wrong-data.nn',
    'train no-data.nn',
    'train line.nn --train fitt',
    'train line.nn --hyper lr=1',
    'train line.nn --batch 100000',
    'train line.nn --resume no-such.safetensors',
    'train line.nn --resume weights.txt',
    'train line.nn -o points.csv',
    'eval line.nn --weights weights.txt',
    'build wrong.nn',
    'fmt broken.nn',
    'inspect wrong.nn',
  ])('a user’s error exits with 1: nnc %s', async (commandLine) => {
    const { code, output, error } = await nnc(commandLine)
    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(error.replaceAll(folder, '<folder>')).toMatchSnapshot()
  })

  test('a fault of ours exits with 70 and asks for a report; the stack shows on request', async () => {
    await nnc('train line.nn --quiet')
    const commandLine = 'predict line.nn --weights out/line.safetensors --input -'
    const input = (): string => {
      throw new Error('internal: made up')
    }
    const { code, output, error } = await nnc(commandLine, { input })
    expect({ code, output }).toEqual({ code: 70, output: '' })
    expect(error).toMatchSnapshot()
    const debug = await nnc(commandLine, { input, environment: { NNC_DEBUG: '1' } })
    expect(debug.error).toMatch(/\n +at /)
  })
})

describe('check', () => {
  test('says so when there is nothing to say', async () => {
    expect(await nnc('check line.nn xor.nn iris.nn digits.nn')).toEqual({
      code: 0,
      output: ['line', 'xor', 'iris', 'digits'].map((name) => `${name}.nn: no mistakes found\n`).join(''),
      error: '',
    })
  })

  test('--json lists every diagnostic with its place', async () => {
    const { code, output, error } = await nnc('check wrong.nn line.nn --json')
    expect({ code, error }).toEqual({ code: 1, error: '' })
    expect(JSON.parse(output)).toMatchSnapshot()
  })

  test('data blocks are checked without their files', async () => {
    writeFileSync(join(folder, 'split.nn'), line.replace('x = [a]', 'x = [a]\n  split train 80%, valid 30%'))
    const { code, error } = await nnc('check split.nn')
    expect(code).toBe(1)
    expect(error).toContain('NN0407')
  })
})

describe('fmt', () => {
  test('prints, checks and rewrites', async () => {
    expect(await nnc('fmt line.nn')).toEqual({ code: 0, output: line, error: '' })
    expect(await nnc('fmt unformatted.nn')).toEqual({ code: 0, output: line, error: '' })
    expect(await nnc('fmt --check line.nn unformatted.nn')).toEqual({
      code: 1,
      output: 'unformatted.nn is not in the standard form\n',
      error: '',
    })
    expect(await nnc('fmt --write line.nn unformatted.nn')).toEqual({ code: 0, output: 'unformatted.nn\n', error: '' })
    expect(readFileSync(join(folder, 'unformatted.nn'), 'utf8')).toBe(line)
    expect(await nnc('fmt --check line.nn unformatted.nn')).toEqual({ code: 0, output: '', error: '' })
  })

  test('the examples are in the standard form', async () => {
    expect(await nnc('fmt --check xor.nn iris.nn digits.nn')).toEqual({ code: 0, output: '', error: '' })
  })
})

describe('build', () => {
  test('--dump STAGE prints one stage', async () => {
    const { code, output } = await nnc('build line.nn --dump ast')
    expect(code).toBe(0)
    expect(output).toContain('model Line')
    expect((await nnc('build line.nn --dump graph')).output).toContain('contract')
  })

  test('--dump all writes numbered files and marks passes that changed nothing', async () => {
    const { code, output } = await nnc('build line.nn --dump all --stop-after emit -o stages-test')
    expect(code).toBe(0)
    const files = readdirSync(join(folder, 'stages-test/stages')).sort()
    expect(files.slice(0, 3)).toEqual(['01-ast.txt', '02-checked.txt', '03-graph.txt'])
    const unchanged = files.filter((name) =>
      readFileSync(join(folder, 'stages-test/stages', name), 'utf8').includes('changed nothing'),
    )
    const announced = output.split('\n').filter((each) => each.endsWith('changed nothing'))
    expect(announced.map((each) => each.split(' ')[0]!.split('/').at(-1))).toEqual(unchanged)
    expect(readdirSync(join(folder, 'stages-test'))).toEqual(['stages'])
  })

  test('--emit as writes the generated AssemblyScript', async () => {
    const { code } = await nnc('build line.nn --emit as --stop-after emit -o emitted')
    expect(code).toBe(0)
    expect(readFileSync(join(folder, 'emitted/line.as.ts'), 'utf8')).toContain('export function')
  })
})

describe('inspect', () => {
  test('--json counts parameters, work and memory', async () => {
    const { code, output } = await nnc('inspect digits.nn --json')
    expect(code).toBe(0)
    const found = JSON.parse(output)
    expect(found).toMatchObject({
      name: 'digits',
      sizes: { Batch: 32 },
      parameterCount: 784 * 256 + 256 + 256 * 10 + 10,
      memory: { total: expect.any(Number) },
    })
    expect(found.parameters[0]).toEqual({ name: 'fc1.w', shape: [256, 784], count: 200704 })
    expect(found.entries.map((entry: { name: string }) => entry.name)).toEqual([
      'init',
      'fit.step',
      'fit.evaluate',
      'classify',
      'Digits',
    ])
    // Forward and weight gradient of the first layer, forward and both gradients of the second, at two operations a step.
    const products = 2 * 32 * (2 * 784 * 256 + 3 * 256 * 10)
    const { flops } = found.entries[1]
    expect(flops).toBeGreaterThan(products)
    expect(flops).toBeLessThan(1.2 * products)
  })

  test('the text names every parameter and entry', async () => {
    const { code, output } = await nnc('inspect line.nn --set Nothing=1')
    expect({ code, output }).toEqual({ code: 1, output: '' })
    const text = (await nnc('inspect line.nn')).output
    for (const word of ['fc.w', 'fc.b', 'fit.step', 'Line', 'kernels', 'memory']) expect(text).toContain(word)
  })
})

describe('train, eval and predict', () => {
  test('xor is learned, by itself', async () => {
    const { code, output, error } = await nnc('train xor.nn --json')
    expect({ code, error }).toEqual({ code: 0, error: '' })
    const events = jsonLines(output)
    expect(events.map(({ event }) => event)).toEqual(['start', ...Array.from({ length: 200 }, () => 'epoch'), 'done'])
    expect(events[0]).toMatchObject({ file: 'xor.nn', train: 'fit', parameters: 33, rows: { train: 4 }, epochs: 200 })
    expect(events[1]).toMatchObject({ epoch: 1, epochs: 200, train: { loss: expect.any(Number) } })
    expect(events.at(-2)).toMatchObject({ train: { accuracy: 1 } })
    expect(events.at(-1)).toMatchObject({ reason: 'finished', epochs: 200, weights: 'out/xor.safetensors' })
    const { output: predicted } = await nnc('predict xor.nn --weights out/xor.safetensors --input -', {
      input: '{"x": [[0, 0], [0, 1], [1, 0], [1, 1]]}',
    })
    const signs = JSON.parse(predicted).map((row: { output: number[] }) => row.output[0]! > 0)
    expect(signs).toEqual([false, true, true, false])
    const rows = await nnc('predict xor.nn --weights out/xor.safetensors --input xor.csv')
    expect(rows.output.split('\n')).toHaveLength(6)
  })

  test('iris: at least 93 % on the test part; eval says the same; predict names the species', async () => {
    const { output } = await nnc('train iris.nn --json')
    const done = jsonLines(output).at(-1) as { test: { loss: number; accuracy: number } }
    expect(done.test.accuracy).toBeGreaterThanOrEqual(0.93)
    const weights = '--weights out/iris.safetensors'
    const measured = await nnc(`eval iris.nn ${weights} --json`)
    expect(JSON.parse(measured.output)).toEqual({ part: 'test', rows: 30, ...done.test })
    expect((await nnc(`eval iris.nn ${weights}`)).output).toMatch(
      /^test {2}loss [\d.e-]+, accuracy \d+\.\d\d % on 30 rows\n$/,
    )
    const fed = await nnc(`eval iris.nn ${weights} --data iris.csv --json`)
    expect(JSON.parse(fed.output)).toMatchObject({ part: 'iris.csv', rows: 150 })
    const csv = await nnc(`predict iris.nn ${weights} --input iris.csv`)
    const [header, first] = csv.output.split('\n')
    expect(header).toBe('setosa,versicolor,virginica,label')
    expect(first).toMatch(/,setosa$/)
    const row = '{"sepal_length": 6.3, "sepal_width": 3.3, "petal_length": 6, "petal_width": 2.5}'
    const json = await nnc(`predict iris.nn ${weights} --input -`, { input: row })
    expect(JSON.parse(json.output)).toMatchObject([{ label: 'virginica' }])
    const entry = await nnc(`predict iris.nn ${weights} --entry Iris --format csv --input -`, { input: row })
    expect(entry.output).toMatch(/^setosa,versicolor,virginica,label\n/)
  })

  test.each([
    ['no column it needs', '--input -', '{"sepal_length": 6.3}'],
    ['text for a number', '--input -', '{"sepal_length":"x","sepal_width":1,"petal_length":1,"petal_width":1}'],
    ['not JSON', '--input -', '[{"sepal_length": 1,}]'],
    ['a list of numbers', '--input -', '[1, 2]'],
    ['a ragged list', '--input -', '{"features": [[1, 2, 3, 4], [1, 2]]}'],
    ['no rows', '--input -', '[]'],
    ['no such entry', '--entry classifi --input -', '[]'],
    ['no such file', '--input rows.json', ''],
  ])('predict: %s', async (_, options, input) => {
    const weights = 'out/iris.safetensors'
    const { code, output, error } = await nnc(`predict iris.nn --weights ${weights} ${options}`, { input })
    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(error).toMatchSnapshot()
  })

  test('a log has a line per epoch and ends with what to do next', async () => {
    const { output } = await nnc('train line.nn -o log')
    const timeless = output
      .replace(/compiled (in|before).*/, 'compiled …')
      .replaceAll(/ +\d[\d,]* {3,}<?\d+(\.\d+)? m?s/g, ' …')
      .replace(/in <?\d+(\.\d+)? m?s/, 'in …')
      .replace(/\(\d+(\.\d+)? K?B\)/, '(… B)')
      // Columns are as wide as the times in them.
      .replaceAll(/ {2,}/g, '  ')
      .replaceAll(/─+/g, '─')
    expect(timeless).toMatchSnapshot()
  })

  test('a terminal shows at most 25 epochs of a long run, the last among them', async () => {
    const { output } = await nnc('train line.nn --epochs 1000 -o log', { terminal: true })
    // What is left of a line after the progress before it was erased.
    const lines = output.split('\n').map((each) => each.slice(each.lastIndexOf('\r') + 1))
    const rows = lines.filter((each) => /\d+\/1000 /.test(each))
    expect(rows).toHaveLength(25)
    expect(rows.at(-1)).toContain('1000/1000')
  })

  test.each([
    [120, ['samples/s', 'time']],
    [80, ['time']],
    [70, []],
  ])('no row of the table is wider than a terminal of %i columns', async (columns, shown) => {
    const { output } = await nnc('train iris.nn --epochs 2 -o narrow', { terminal: true, columns })
    const lines = output.split('\n').map((each) => each.slice(each.lastIndexOf('\r') + 1).replace('\u001b[2K', ''))
    const head = lines.find((each) => /^ +epoch /.test(each))!
    expect(['samples/s', 'time'].filter((name) => head.includes(name))).toEqual(shown)
    const rows = lines.filter((each) => /^ +[12]\/2 /.test(each))
    expect(rows).toHaveLength(2)
    for (const row of [head, ...rows]) expect(row.length).toBeLessThanOrEqual(columns)
  })

  test('--quiet says nothing', async () => {
    expect(await nnc('train line.nn --quiet -o log')).toEqual({ code: 0, output: '', error: '' })
  })

  test('interrupted and resumed comes to the same bits as in one go', async () => {
    await nnc('train xor.nn --epochs 40 -o whole')
    const { code, output } = await nnc('train xor.nn --epochs 40 --json -o broken', {
      watch: (text, interrupt) => {
        if (text.includes('"epoch":17,')) interrupt()
      },
    })
    expect(code).toBe(130)
    expect(jsonLines(output).at(-1)).toMatchObject({
      reason: 'cancelled',
      epochs: 17,
      weights: 'broken/xor.checkpoint.safetensors',
    })
    const resumed = await nnc('train xor.nn --epochs 40 -o broken --resume broken/xor.checkpoint.safetensors')
    expect(resumed.code).toBe(0)
    expect(resumed.output).toContain('18/40')
    expect(resumed.output).not.toContain('17/40')
    expect(readFileSync(join(folder, 'broken/xor.safetensors'))).toEqual(
      readFileSync(join(folder, 'whole/xor.safetensors')),
    )
    const again = await nnc('train xor.nn --epochs 40 --resume broken/xor.safetensors')
    expect(again).toMatchObject({ code: 1, error: expect.stringContaining('--epochs 45') })
  })

  test('interrupted within an epoch and resumed, too, and the history goes on', async () => {
    await nnc('train iris.nn --epochs 3 -o unbroken')
    let interrupted = ''
    const { code } = await nnc('train iris.nn --epochs 3 -o within', {
      terminal: true,
      // The first progress line is that of the first step.
      watch: (text, interrupt) => {
        if (interrupted !== '' || !/\d+\/\d+ steps/.test(text)) return
        interrupted = text
        interrupt()
      },
    })
    expect(code).toBe(130)
    expect(interrupted).toContain('1/3')
    expect(interrupted).toContain(' 1/7 steps')
    const resumed = await nnc('train iris.nn --epochs 3 -o within --resume within/iris.checkpoint.safetensors')
    expect(resumed.code).toBe(0)
    const [whole, broken] = ['unbroken', 'within'].map((name) => {
      const { steps, epochs } = JSON.parse(readFileSync(join(folder, name, 'iris.history.json'), 'utf8'))
      const told = epochs.map(({ seconds: _, ...rest }: { seconds: number }) => rest)
      return { steps, epochs: told, weights: readFileSync(join(folder, name, 'iris.safetensors')) }
    })
    expect(broken!.weights).toEqual(whole!.weights)
    expect(broken!.epochs).toEqual(whole!.epochs)
    expect(broken!.steps.map(([passed]: number[]) => passed)).toEqual(whole!.steps.map(([passed]: number[]) => passed))
    broken!.steps.forEach(([, loss]: number[], at: number) => void expect(loss).toBeCloseTo(whole!.steps[at][1], 4))
  })

  test('the seed decides every bit', async () => {
    const bits = async (options: string): Promise<Buffer> => {
      await nnc(`train line.nn ${options} -o seeds`)
      return readFileSync(join(folder, 'seeds/line.safetensors'))
    }
    const first = await bits('--seed 5')
    expect(await bits('--seed 5')).toEqual(first)
    expect(await bits('--seed 6')).not.toEqual(first)
    expect(await bits('--seed 4294967295')).not.toEqual(first)
  })

  test('digits: at least 94 % on the test images after one epoch', async () => {
    const root = temporaryFolder()
    const { code, output, error } = await runCommand(
      ['train', new URL('digits/digits.nn', examples).pathname, '--epochs', '1', '--json', '-o', join(root, 'out')],
      { directory: root },
    )
    expect({ code, error }).toEqual({ code: 0, error: '' })
    const events = jsonLines(output)
    expect(events[0]).toMatchObject({ rows: { train: 54_000, valid: 6_000, test: 10_000 } })
    const { test: measured } = events.at(-1) as { test: { accuracy: number } }
    expect(measured.accuracy).toBeGreaterThanOrEqual(0.94)
  })
})

describe('the cache', () => {
  const cache = join(folder, 'own-cache')
  const environment = { NNC_CACHE: cache }
  const started = async (options: string): Promise<Record<string, unknown>> =>
    jsonLines((await nnc(`train line.nn --json -o cached ${options}`.trim(), { environment })).output)[0]!

  test('is used the second time, not for other constants, and not with --no-cache', async () => {
    rmSync(cache, { recursive: true, force: true })
    expect(await started('')).toMatchObject({ fromCache: false })
    expect(await started('')).toMatchObject({ fromCache: true })
    expect(await started('--build plain')).toMatchObject({ fromCache: false, build: 'plain' })
    expect(await started('--threads 1 --build plain')).toMatchObject({ fromCache: false, build: 'plain', threads: 1 })
    // Nothing in it takes long enough for several.
    expect(await started('--threads 3 --build plain')).toMatchObject({ build: 'plain', threads: 1 })
    expect(await started('--no-cache')).toMatchObject({ fromCache: false })
    expect(await started('')).toMatchObject({ fromCache: true })
  })

  test('a damaged entry is compiled again', async () => {
    for (const name of readdirSync(cache)) {
      const bytes = readFileSync(join(cache, name))
      bytes[bytes.length >> 1]! ^= 1
      writeFileSync(join(cache, name), bytes)
    }
    expect(await started('')).toMatchObject({ fromCache: false })
    expect(await started('')).toMatchObject({ fromCache: true })
  })

  test('an unwritable folder is one warning', async () => {
    const file = join(folder, 'points.csv')
    const { code, error } = await nnc('train line.nn --quiet -o cached', { environment: { NNC_CACHE: file } })
    expect(code).toBe(0)
    expect(error.match(/warning/g)).toHaveLength(1)
  })
})

test('check --gradients compares given gradients, and fails where one differs', async () => {
  const fn = (factor: string): string => `fn double(x: f32[N]) -> f32[N] {
  return 2.0 * x
} gradient (dy) {
  return ${factor} * dy
}
`
  writeFileSync(join(folder, 'right.nn'), fn('2.0'))
  writeFileSync(join(folder, 'differs.nn'), fn('2.5'))
  const right = await nnc('check --gradients right.nn')
  expect(right).toMatchObject({ code: 0, error: '' })
  expect(right.output).toMatch(/gradient of double agrees: largest relative difference 0\.0e\+0 from the derived one/)
  const differs = await nnc('check --gradients --json differs.nn')
  expect(differs.code).toBe(1)
  expect(JSON.parse(differs.output).files[0].gradients[0]).toMatchObject({ function: 'double', inputs: 'x: f32[2]' })
})
