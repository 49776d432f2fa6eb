export type * from './api.ts'
export { ModelError, type ModelErrorCode } from './error.ts'
export type * from './manifest.ts'
export { load } from './model.ts'
