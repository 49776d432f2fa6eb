/**
 * What can go wrong, each under a stable code:
 * loading: `not-wasm`, `damaged-module`, `foreign-module`, `newer-module`, `bad-manifest`, `unsupported-engine`,
 * `build-unavailable`; names: `unknown-name`; what is fed: `missing-input`, `unknown-input`, `wrong-shape`,
 * `wrong-dtype`, `dimension-mismatch`, `dimension-range`, `label-range`, `not-an-integer`, `not-finite`; settings:
 * `bad-option`, `hyper-range`; checkpoints: `damaged-checkpoint`, `foreign-checkpoint`, `checkpoint-mismatch`;
 * running: `trap`, `worker-failed`.
 */
export type ModelErrorCode =
  | 'not-wasm'
  | 'damaged-module'
  | 'foreign-module'
  | 'newer-module'
  | 'bad-manifest'
  | 'unsupported-engine'
  | 'build-unavailable'
  | 'unknown-name'
  | 'missing-input'
  | 'unknown-input'
  | 'wrong-shape'
  | 'wrong-dtype'
  | 'dimension-mismatch'
  | 'dimension-range'
  | 'label-range'
  | 'not-an-integer'
  | 'not-finite'
  | 'bad-option'
  | 'hyper-range'
  | 'damaged-checkpoint'
  | 'foreign-checkpoint'
  | 'checkpoint-mismatch'
  | 'trap'
  | 'worker-failed'

/** The only error the runtime throws on purpose; the message says what was found and what to do. */
export class ModelError extends Error {
  readonly code: ModelErrorCode

  constructor(code: ModelErrorCode, message: string) {
    super(message)
    this.name = 'ModelError'
    this.code = code
  }
}
