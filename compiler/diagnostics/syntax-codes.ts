import type { CatalogueEntry } from './catalogue.ts'

export const syntaxCodes = {} as const satisfies Record<string, CatalogueEntry>
