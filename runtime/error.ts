import type { ModelErrorCode } from './api.ts'

/** The only error the runtime throws on purpose; the message says what was found and what to do. */
export class ModelError extends Error {
  readonly code: ModelErrorCode

  constructor(code: ModelErrorCode, message: string) {
    super(message)
    this.name = 'ModelError'
    this.code = code
  }
}
