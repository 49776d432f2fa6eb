import { run } from '../../cli/run.ts'
import type { Terminal } from '../../cli/terminal.ts'

export interface TestRun {
  readonly code: number
  readonly output: string
  readonly error: string
}

export interface TestOptions {
  readonly directory: string
  readonly input?: string | (() => string)
  readonly environment?: Readonly<Record<string, string>>
  /** Called with each text written to standard output; may interrupt the command. */
  readonly watch?: (text: string, interrupt: () => void) => void
  /** Called with each text written to standard error. */
  readonly watchError?: (text: string) => void
  readonly terminal?: boolean
  /** Of the terminal, default 100. */
  readonly columns?: number
}

/** Runs one command line in this process, without colour, and returns what it printed. */
export async function runCommand(commandLine: readonly string[], options: TestOptions): Promise<TestRun> {
  let output = ''
  let error = ''
  const handlers = new Set<() => void>()
  const terminal: Terminal = {
    write(text) {
      output += text
      options.watch?.(text, () => {
        for (const handler of handlers) handler()
      })
    },
    writeError(text) {
      error += text
      options.watchError?.(text)
    },
    readInput: async () => Buffer.from(typeof options.input === 'function' ? options.input() : (options.input ?? '')),
    onInterrupt(handler) {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
    outputIsTerminal: options.terminal ?? false,
    outputColor: false,
    errorColor: false,
    columns: () => options.columns ?? 100,
    environment: { NNC_CACHE: `${options.directory}/cache`, ...options.environment },
    directory: options.directory,
  }
  const code = await run(commandLine, terminal)
  return { code, output, error }
}
