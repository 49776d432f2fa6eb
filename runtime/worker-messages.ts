import type { FitEvent, LoadOptions, ModelErrorCode } from './api.ts'
import { ModelError } from './error.ts'

/** A method of the model, by its path: `predict`, `hyper.set`. */
export interface CallMessage {
  readonly id: number
  readonly call: string
  readonly args: readonly unknown[]
}

/** Asks a running `fit` to end. */
export interface CancelMessage {
  readonly id: number
  readonly cancel: true
}

export interface CreateMessage {
  readonly id: number
  readonly create: LoadOptions
}

export type Request = CallMessage | CancelMessage | CreateMessage

/** `done` ends a call; a `fit` sends its events before, a `generate` its tokens. */
export type Reply =
  | { readonly id: number; readonly event: FitEvent | number }
  | { readonly id: number; readonly done: unknown }
  | { readonly id: number; readonly error: { readonly code: ModelErrorCode; readonly message: string } }

export function errorMessage(error: unknown): { code: ModelErrorCode; message: string } {
  if (error instanceof ModelError) return { code: error.code, message: error.message }
  return {
    code: 'worker-failed',
    message: `the worker failed: ${error instanceof Error ? error.message : String(error)}`,
  }
}
