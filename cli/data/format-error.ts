/** A file is not what its format demands; the message names the file, the place and what was expected. */
export class FormatError extends Error {}
