import { basename, dirname, resolve } from 'node:path'
import { Command } from 'commander'
import type { NamedHistory } from '../curve/draw-curves.ts'
import type { CommandContext } from '../program.ts'
import { displayName } from '../source-file.ts'
import { UserError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc curve out/digits.history.json
  $ nnc curve runs/gru/moby.history.json runs/lstm/moby.history.json -o cells.svg
  $ nnc curve a.history.json b.history.json --measure loss accuracy
`

interface CurveOptions {
  readonly out: string
  readonly measure?: readonly string[]
}

/** `nnc curve`: training runs side by side, as a picture. */
export function curveCommand(context: CommandContext): Command {
  return new Command('curve')
    .description('draw the loss and metrics of training runs, several in one picture')
    .argument('<history...>', 'what `nnc train` keeps beside the parameters, <name>.history.json')
    .option('-o, --out <file>', 'the picture, SVG', 'curve.svg')
    .option('--measure <names...>', '`loss` or metrics; default: all')
    .addHelpText('after', examples)
    .action((files: string[], options: CurveOptions) => curve(files, options, context))
}

async function curve(files: readonly string[], options: CurveOptions, { terminal }: CommandContext): Promise<void> {
  const [{ drawCurves, measuresOf }, { readHistory }, { replaceFile }] = await Promise.all([
    import('../curve/draw-curves.ts'),
    import('../curve/read-history.ts'),
    import('../replace-file.ts'),
  ])
  const names = shortNames(files)
  const runs: NamedHistory[] = []
  for (const [index, file] of files.entries())
    runs.push({ name: names[index]!, history: await readHistory(file, terminal.directory) })
  const known = measuresOf(runs)
  const unknown = options.measure?.find((measure) => !known.includes(measure))
  if (unknown !== undefined)
    throw new UserError(`no run has a measure called ${unknown}`, `there is ${known.join(', ')}`)
  const path = resolve(terminal.directory, options.out)
  await replaceFile(path, drawCurves(runs, options.measure ?? known))
  terminal.write(`saved ${displayName(path, terminal.directory)}\n`)
}

/** What tells the runs apart: the files' names, with their folders where those are equal, else all of the paths. */
function shortNames(files: readonly string[]): readonly string[] {
  const plain = (file: string): string => basename(file).replace(/(\.history)?\.json$/, '')
  const ways = [
    plain,
    (file: string) => basename(dirname(resolve(file))),
    (file: string) => `${basename(dirname(resolve(file)))}/${plain(file)}`,
  ]
  const distinct = ways.map((way) => files.map(way)).find((names) => new Set(names).size === files.length)
  return distinct ?? files
}
