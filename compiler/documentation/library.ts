/** The standard library as it is documented: by families, a family being one of its files. */
import { builtins } from '../2-check/builtins/table.ts'
import { standardLibrary } from '../generated/library.ts'
import { type DocumentedItem, documentFile } from './documented-item.ts'

export interface LibraryFamily {
  /** `Activations`, after `activations.nn`. */
  readonly title: string
  readonly introduction: readonly string[]
  readonly items: readonly DocumentedItem[]
}

/** Families with layers come first, then those with functions, optimizers and initializers, each in alphabetical order. */
const order: readonly string[] = ['layer', 'fn', 'metric', 'optimizer', 'initializer']

export function libraryFamilies(): LibraryFamily[] {
  const families = Object.entries(standardLibrary).map(([name, text]) => {
    const { items, introduction } = documentFile(text, `std/${name}`)
    const words = name.replace(/\.nn$/, '').replaceAll('-', ' ')
    return { title: words[0]!.toUpperCase() + words.slice(1), introduction, items }
  })
  const rank = ({ items }: LibraryFamily) => Math.min(...items.map(({ kind }) => order.indexOf(kind)))
  return families.sort((a, b) => rank(a) - rank(b) || (a.title < b.title ? -1 : 1))
}

/** The functions the language itself has. */
export function builtInItems(): DocumentedItem[] {
  return [...builtins.values()].map(({ name, signature, documentation }) => ({
    name,
    kind: 'built-in',
    signature,
    text: [documentation],
    variables: [],
  }))
}

/**
 * What the documentation of a library's item lacks: a description, its formula, where it comes from and, unless the
 * signature gives the type of what flows in, its shapes.
 */
export function missingParts({ kind, signature, text, formula, shapes, source }: DocumentedItem): string[] {
  const typed = kind === 'optimizer' || kind === 'initializer' || /: (?:f32|i32|bool)\b/.test(signature)
  return [
    ...(text.length === 0 ? ['a description'] : []),
    ...(formula === undefined ? ['`Formula:`'] : []),
    ...(!typed && shapes === undefined ? ['`Shapes:`'] : []),
    ...(source === undefined ? ['`Source:`'] : []),
  ]
}
