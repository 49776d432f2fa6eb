/** What the page and the worker that compiles and trains tell each other. */

export type Request =
  | { readonly kind: 'check'; readonly version: number; readonly text: string }
  | { readonly kind: 'train'; readonly text: string; readonly name: string }
  | { readonly kind: 'stop' }
  /** CSV or JSON rows for the first `infer` block, or the model. */
  | { readonly kind: 'predict'; readonly rows: string }
  | { readonly kind: 'download'; readonly what: 'weights' | 'module' }
  /** A file the user gave, to be read by its name. */
  | { readonly kind: 'file'; readonly name: string; readonly bytes: Uint8Array }

export type Answer =
  | { readonly kind: 'checked'; readonly version: number; readonly problems: readonly Problem[] }
  | { readonly kind: 'doing'; readonly what: string }
  | {
      readonly kind: 'started'
      readonly facts: readonly string[]
      readonly measures: readonly string[]
      readonly parts: readonly string[]
    }
  | { readonly kind: 'progress'; readonly share: number; readonly text: string }
  | { readonly kind: 'epoch'; readonly cells: readonly string[]; readonly best: boolean; readonly picture?: string }
  | { readonly kind: 'done'; readonly lines: readonly string[]; readonly picture: string; readonly sample: string }
  | {
      readonly kind: 'failed'
      readonly message: string
      readonly hint?: string
      readonly problems?: readonly Problem[]
    }
  | { readonly kind: 'predicted'; readonly text: string }
  | { readonly kind: 'download'; readonly name: string; readonly bytes: Uint8Array }

/** A diagnostic as the editor shows it; offsets are UTF-16 units of the text. */
export interface Problem {
  readonly from: number
  readonly to: number
  readonly severity: 'error' | 'warning'
  readonly message: string
}
