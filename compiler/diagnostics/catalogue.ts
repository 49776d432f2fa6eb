/** Every diagnostic code with its explanation: the source of `docs/errors.md`. */
import { checkCodes } from './check-codes.ts'
import { compileCodes } from './compile-codes.ts'
import { dataCodes } from './data-codes.ts'
import { loadCodes } from './load-codes.ts'
import { syntaxCodes } from './syntax-codes.ts'

export interface CatalogueEntry {
  /** A noun phrase: "Shapes do not match". */
  readonly title: string
  /** What it means and how to mend it, in Markdown. */
  readonly explanation: string
  /** A short `.nn` text that raises it. */
  readonly example: string
}

export const catalogue = {
  ...syntaxCodes,
  ...checkCodes,
  ...compileCodes,
  ...dataCodes,
  ...loadCodes,
} satisfies Record<string, CatalogueEntry>

export type DiagnosticCode = keyof typeof catalogue
