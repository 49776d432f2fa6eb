/** A file is not what its format demands: the message names the file, the place and what was expected, the hint the remedy. */
export class FormatError extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.name = 'FormatError'
    this.hint = hint
  }
}
