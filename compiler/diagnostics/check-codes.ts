import type { CatalogueEntry } from './catalogue.ts'

export const checkCodes = {} as const satisfies Record<string, CatalogueEntry>
