/** A named step of the compiler. It reads what earlier passes left in the state and adds to it; it never mutates. */
export interface Pass<State> {
  readonly name: string
  run(state: State): Partial<State> | Promise<Partial<State>>
  /** The text `--dump` writes for this stage. */
  print?(state: State): string
}

export interface PipelineOptions {
  /** Receives each stage's text as it is made, in order. */
  readonly dump?: (stage: string, text: string) => void
  /** Ends after the pass of this name. */
  readonly stopAfter?: string
  readonly timing?: (pass: string, milliseconds: number) => void
}

/** Runs the passes in order until one ends the compilation (`done`), or the last. */
export async function runPasses<State>(
  passes: readonly Pass<State>[],
  initial: State,
  done: (state: State) => boolean,
  options: PipelineOptions,
): Promise<State> {
  if (options.stopAfter !== undefined && !passes.some((pass) => pass.name === options.stopAfter))
    throw new RangeError(
      `there is no pass named ${options.stopAfter}; the passes are ${passes.map((pass) => pass.name).join(', ')}`,
    )
  let state = initial
  for (const pass of passes) {
    const start = performance.now()
    state = { ...state, ...(await pass.run(state)) }
    options.timing?.(pass.name, performance.now() - start)
    if (options.dump && pass.print && !done(state)) options.dump(pass.name, pass.print(state))
    if (done(state) || pass.name === options.stopAfter) break
  }
  return state
}
