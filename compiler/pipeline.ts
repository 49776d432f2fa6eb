/** A named pass from one stage's data to the next. */
export interface Pass<Input, Output> {
  readonly name: string
  run(input: Input): Output
  /** The text `--dump` writes for this stage. */
  print?(output: Output): string
}
