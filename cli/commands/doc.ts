import { Command } from 'commander'
import type { DocumentedItem } from '../../compiler/documentation/documented-item.ts'
import type { ItemGroup } from '../doc/item-text.ts'
import type { CommandContext } from '../program.ts'
import { readSource } from '../source-file.ts'
import type { Terminal } from '../terminal.ts'
import { DiagnosticsError, UsageError, UserError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc doc                        what the standard library has
  $ nnc doc Linear adamw           signature, meaning, formula and source of items
  $ nnc doc softmax --definition   how it is written
  $ nnc doc model.nn               what a file of yours declares
  $ nnc doc model.nn Block         one item of it
`

const MAXIMUM_COLUMNS = 110

interface DocOptions {
  readonly list?: true
  readonly definition?: true
  readonly json?: true
}

/** `nnc doc`: what the standard library or a file says about its items. */
export function docCommand(context: CommandContext): Command {
  return new Command('doc')
    .description('explain items of the standard library or of a file')
    .argument('[what...]', 'names of items, after the .nn file they are in unless it is the standard library')
    .option('--list', 'one line per item, as without a name')
    .option('--definition', 'print the definitions instead')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples)
    .action((what: string[], options: DocOptions) => explain(what, options, context.terminal))
}

async function explain(what: readonly string[], options: DocOptions, terminal: Terminal): Promise<void> {
  if (options.list && options.definition) throw new UsageError('--list and --definition exclude each other')
  const [file] = what
  const isFile = file !== undefined && /\.nn$|[\\/]/.test(file)
  const groups = isFile ? await groupsOfFile(file, terminal) : await groupsOfLibrary()
  const names = isFile ? what.slice(1) : what
  const all = groups.flatMap(({ items }) => items)
  const chosen = names.length === 0 ? all : await chosenItems(names, all, isFile ? file : undefined)
  const { itemText, listText } = await import('../doc/item-text.ts')
  const text = { color: terminal.outputColor, columns: Math.min(terminal.columns(), MAXIMUM_COLUMNS) }
  if (options.json) {
    terminal.write(`${JSON.stringify({ items: chosen })}\n`)
  } else if (options.definition) {
    const lacking = chosen.find(({ definition }) => definition === undefined)
    if (lacking && names.length > 0)
      throw new UserError(`\`${lacking.name}\` is built into the language and has no definition in it`)
    terminal.write(chosen.flatMap(({ definition }) => (definition === undefined ? [] : `${definition}\n`)).join('\n'))
  } else if (options.list || (names.length === 0 && !isFile)) {
    const shown = groups.map(({ title, items }) => ({ title, items: items.filter((item) => chosen.includes(item)) }))
    terminal.write(
      listText(
        shown.filter(({ items }) => items.length > 0),
        text,
      ),
    )
  } else terminal.write(chosen.map((item) => itemText(item, text)).join('\n'))
}

async function groupsOfLibrary(): Promise<readonly ItemGroup[]> {
  const { builtInItems, libraryFamilies } = await import('../../compiler/documentation/library.ts')
  return [...libraryFamilies(), { title: 'Built into the language', items: builtInItems() }]
}

async function groupsOfFile(file: string, { directory }: Terminal): Promise<readonly ItemGroup[]> {
  const { documentFile } = await import('../../compiler/documentation/documented-item.ts')
  const source = await readSource(file, directory)
  const { items, diagnostics } = documentFile(source.text, source.name)
  if (diagnostics.some(({ severity }) => severity === 'error'))
    throw new DiagnosticsError(diagnostics, new Map([[source.name, source.text]]))
  return [{ title: source.name, items }]
}

async function chosenItems(
  names: readonly string[],
  items: readonly DocumentedItem[],
  file: string | undefined,
): Promise<DocumentedItem[]> {
  const { suggest } = await import('../../compiler/diagnostics/suggest.ts')
  const { knownElsewhere } = await import('../../compiler/2-check/known-elsewhere.ts')
  return names.map((name) => {
    const found = items.find((item) => item.name === name)
    if (found) return found
    const place = file ?? 'the standard library'
    const similar = suggest(
      name,
      items.map((item) => item.name),
    )
    const all = file === undefined ? 'nnc doc' : `nnc doc ${file}`
    const elsewhere = file === undefined ? knownElsewhere(name) : undefined
    const near = similar === undefined ? `\`${all}\` shows all there is` : `did you mean \`${similar}\`?`
    throw new UserError(
      `there is nothing called \`${name}\` in ${place}`,
      elsewhere ? `here one writes \`${elsewhere}\`` : near,
    )
  })
}
