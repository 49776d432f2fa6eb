import { Command, Option } from 'commander'
import type { FoldRows } from '../data/folds.ts'
import { exitCode } from '../exit-code.ts'
import {
  avx2Option,
  buildOption,
  cacheOption,
  foldCount,
  hyperOption,
  positiveInteger,
  seed,
  setOption,
  threadsOption,
} from '../options.ts'
import type { CommandContext } from '../program.ts'
import type { SweepOptions } from '../sweep/prepare.ts'
import { type Tries, tryOption } from '../sweep/space.ts'
import type { SweepReport } from '../sweep/sweep-report.ts'
import type { Terminal } from '../terminal.ts'

const examples = `
Examples:
  $ nnc sweep digits.nn                                every hyper with a range
  $ nnc sweep digits.nn --try Hidden=64,128,256 --trials 30 --by accuracy
  $ nnc sweep cars.nn --try 'Hidden=8..128 log' --hyper lr=0.01 --folds 5
  $ nnc sweep digits.nn --trials 60 --resume           go on with an interrupted sweep, or a longer one
`

interface SweepFlags extends Omit<SweepOptions, 'tries' | 'foldsOver'> {
  readonly try?: Tries
  readonly foldsOver: FoldRows
  readonly quiet?: true
  readonly json?: true
}

/** `nnc sweep`: which values of hypers and constants train best. */
export function sweepCommand(context: CommandContext): Command {
  return new Command('sweep')
    .description('train with many values of hypers and constants, and keep the best')
    .argument('<file>', 'the .nn file')
    .addOption(tryOption())
    .option('--trials <count>', 'how many settings to try', positiveInteger, 20)
    .option('--by <metric>', "what decides (default: what the file's `stop` rule watches, else the loss)")
    .option('--train <name>', 'which `train` block, if there are several')
    .option('--epochs <count>', 'the last epoch of each trial', positiveInteger)
    .option('--batch <rows>', 'rows a step', positiveInteger)
    .option('--seed <number>', 'of every trial: initial parameters, shuffling, random numbers', seed)
    .addOption(setOption())
    .addOption(hyperOption())
    .addOption(new Option('--folds <k>', 'compare by cross-validation, k runs a trial').argParser(foldCount))
    .addOption(
      new Option('--folds-over <rows>', 'what folds are made of: all but the test part, or all rows')
        .choices(['learning', 'all'])
        .default('learning'),
    )
    .option('--no-leave', 'run every trial to its end, even far behind')
    .option('-o, --out <folder>', 'where the best parameters and the record go', 'out')
    .option('--resume', 'go on with the trials the record in that folder has')
    .addOption(buildOption())
    .addOption(avx2Option())
    .addOption(threadsOption())
    .option('--quiet', 'print errors only')
    .option('--json', 'print one JSON object per line: start, trial …, done')
    .addOption(cacheOption())
    .addHelpText('after', examples)
    .action(async (file: string, { try: tries = {}, ...flags }: SweepFlags) => {
      const { terminal, outcome } = context
      const { sweep } = await import('../sweep/sweep.ts')
      const report = await chooseReport(flags, terminal)
      try {
        if (!(await sweep(file, { ...flags, tries }, terminal, report))) outcome.code = exitCode.interrupted
      } catch (error) {
        report.failed()
        throw error
      }
    })
}

async function chooseReport({ json, quiet }: SweepFlags, terminal: Terminal): Promise<SweepReport> {
  if (json) return (await import('../sweep/json-sweep-report.ts')).jsonSweepReport(terminal)
  if (quiet) return (await import('../sweep/json-sweep-report.ts')).quietSweepReport
  return (await import('../sweep/text-sweep-report.ts')).textSweepReport(terminal)
}
