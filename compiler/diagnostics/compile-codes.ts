import type { CatalogueEntry } from './catalogue.ts'

export const compileCodes = {} as const satisfies Record<string, CatalogueEntry>
