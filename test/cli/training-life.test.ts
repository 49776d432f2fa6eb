/** What happens to what a run has learned when its machine, its disk or its user gets in the way. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestOptions, type TestRun } from './test-terminal.ts'

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
  optimizer adam(lr = 0.1)
  batch 2  epochs 6  seed 1
}
`
const folder = temporaryFolder({ 'line.nn': line, 'points.csv': 'a,b\n0,1\n1,3\n2,5\n3,7\n' })

function nnc(commandLine: string, options: Partial<TestOptions> = {}): Promise<TestRun> {
  return runCommand(commandLine.split(' '), { directory: folder, ...options })
}

describe('a training run', () => {
  test('keeps a checkpoint while it goes on, from which a run that died comes to the same bits', async () => {
    await nnc('train line.nn -o whole')
    const { code } = await nnc('train line.nn -o going --checkpoint 0', {
      watch: (text) => {
        // The checkpoint of the epoch before; what dies now leaves nothing else.
        if (text.includes(' 4/6 ')) cpSync(join(folder, 'going'), join(folder, 'died'), { recursive: true })
      },
    })
    expect(code).toBe(0)
    expect(readdirSync(join(folder, 'died')).filter((name) => name.endsWith('.safetensors'))).toEqual([
      'line.checkpoint.safetensors',
    ])
    const resumed = await nnc('train line.nn -o died --resume died/line.checkpoint.safetensors')
    expect(resumed.output).toMatch(/from {2}epoch 4/)
    expect(readFileSync(join(folder, 'died/line.safetensors'))).toEqual(
      readFileSync(join(folder, 'whole/line.safetensors')),
    )
    // A finished run needs none.
    expect(existsSync(join(folder, 'going/line.checkpoint.safetensors'))).toBe(false)
  })

  test('what cannot be written at its place is saved elsewhere, and the error says where', async () => {
    const { code, error, output } = await nnc('train line.nn -o vanishing --checkpoint 0', {
      watch: (text) => {
        if (!text.includes(' 2/6 ')) return
        rmSync(join(folder, 'vanishing'), { recursive: true })
        writeFileSync(join(folder, 'vanishing'), 'a file')
      },
    })
    expect(code).toBe(1)
    expect(output).toContain(' 6/6 ')
    expect(error).toContain('warning: ')
    expect(error).toMatch(/error: .*line\.safetensors cannot be written: a file stands where its folder should be\n/)
    const [, rescued] = /what was learned is in (\S+) instead/.exec(error)!
    await nnc('train line.nn -o steady')
    expect(readFileSync(rescued!)).toEqual(readFileSync(join(folder, 'steady/line.safetensors')))
    rmSync(rescued!)
  })

  test('a picture that cannot be written is a warning, and the weights are saved', async () => {
    mkdirSync(join(folder, 'picture.svg'))
    const { code, error, output } = await nnc('train line.nn -o drawn --curve picture.svg')
    expect(code).toBe(0)
    expect(error).toMatch(/^warning: .*picture\.svg cannot be written: a folder of that name is in the way\n$/)
    expect(output).toContain('saved drawn/line.safetensors')
  })

  test('a name that is taken by a folder is refused before the first step', async () => {
    mkdirSync(join(folder, 'taken/line.safetensors'), { recursive: true })
    const { code, output, error } = await nnc('train line.nn -o taken')
    expect(code).toBe(1)
    expect(output).not.toContain('1/6')
    expect(error).toContain('taken/line.safetensors is a folder')
  })

  test('a loss that runs away is warned about at once, not after the last epoch', async () => {
    writeFileSync(
      join(folder, 'wild.nn'),
      line.replace('adam(lr = 0.1)', 'sgd(lr = 1000000.0)').replace('epochs 6', 'epochs 30'),
    )
    let rows = 0
    let rowsBefore = -1
    const { error } = await nnc('train wild.nn -o wild', {
      watch(text) {
        if (/\d+\/30 /.test(text)) rows++
      },
      watchError() {
        if (rowsBefore < 0) rowsBefore = rows
      },
    })
    expect(error).toMatch(/^warning: the loss is not a finite number since epoch \d+\nhelp: .*\n$/)
    expect(rowsBefore).toBe(Number(/epoch (\d+)/.exec(error)![1]))
    expect(rows).toBe(30)
  })

  test('does not go on with data whose categories are numbered otherwise', async () => {
    const text = line.replace('y = [b]', 'y = [category(c)]')
    writeFileSync(join(folder, 'kinds.nn'), text)
    writeFileSync(join(folder, 'points.csv'), 'a,b,c\n0,1,red\n1,3,blue\n2,5,red\n3,7,blue\n')
    expect(await nnc('train kinds.nn -o kinds --quiet')).toMatchObject({ code: 0, error: '' })
    const resume = 'train kinds.nn -o kinds --quiet --epochs 7 --resume kinds/kinds.safetensors'
    writeFileSync(join(folder, 'points.csv'), 'a,b,c\n0,1,red\n1,3,amber\n2,5,red\n3,7,blue\n')
    const { code, error } = await nnc(resume)
    expect(code).toBe(1)
    expect(error).toContain(
      'error: `y` is numbered otherwise than when kinds/kinds.safetensors was saved: it had 2 values with `blue` as number 0, and has 3 values with `amber` as number 0\n',
    )
    writeFileSync(join(folder, 'points.csv'), 'a,b,c\n0,1,blue\n1,3,blue\n2,5,red\n3,7,blue\n')
    expect(await nnc(resume)).toMatchObject({ code: 0, error: '' })
  })
})
