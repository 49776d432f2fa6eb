/** Everything the command reads from and writes to, so that tests can stand in for the process. */
export interface Terminal {
  /** Standard output: results. */
  write(text: string): void
  /** Standard error: diagnostics, warnings and notes. */
  writeError(text: string): void
  /** All of standard input. */
  readInput(): Promise<Uint8Array>
  /** Calls `handler` at each interrupt (Ctrl-C, or a request to end) until the returned function is called. */
  onInterrupt(handler: () => void): () => void
  readonly outputIsTerminal: boolean
  readonly outputColor: boolean
  readonly errorColor: boolean
  /** Width of standard output at this moment. */
  columns(): number
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: string
}

/** Ctrl-C, and a request to end, as a service manager or `docker stop` sends it. `nohup` relies on SIGHUP being left alone. */
const INTERRUPTS = ['SIGINT', 'SIGTERM'] as const

/** The terminal of this process. Colour only on a terminal and without NO_COLOR (no-color.org). */
export function processTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process
  const colourful = (stream: NodeJS.WriteStream): boolean =>
    stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  // A reader that stops early (`nnc inspect … | head`) is no error.
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit()
      throw error
    })
  }
  return {
    write: (text) => void stdout.write(text),
    writeError: (text) => void stderr.write(text),
    readInput: async () => {
      const chunks: Buffer[] = []
      for await (const chunk of stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    onInterrupt: (handler) => {
      for (const signal of INTERRUPTS) process.on(signal, handler)
      return () => {
        for (const signal of INTERRUPTS) process.off(signal, handler)
      }
    },
    outputIsTerminal: stdout.isTTY === true && env.TERM !== 'dumb',
    outputColor: colourful(stdout),
    errorColor: colourful(stderr),
    columns: () => stdout.columns ?? 100,
    environment: env,
    directory: process.cwd(),
  }
}
