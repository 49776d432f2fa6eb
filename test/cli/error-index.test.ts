import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { WantedInput } from '../../cli/data/fields.ts'
import { loadData } from '../../cli/data/load-data.ts'
import { DiagnosticsError } from '../../cli/user-error.ts'
import type { DataDeclaration } from '../../compiler/1-parse/ast.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { dataCodes } from '../../compiler/diagnostics/data-codes.ts'
import { errorIndexMarkdown } from '../../compiler/diagnostics/error-index.ts'
import { temporaryFolder } from './temporary-folder.ts'

test('docs/errors.md is the catalogue (npx vitest run test/cli/error-index.test.ts -u writes it anew)', async () => {
  await expect(errorIndexMarkdown()).toMatchFileSnapshot('../../docs/errors.md')
})

const folder = temporaryFolder({
  'a.csv': 'a,b,c\n1,2,3\n4,5,6\n',
  images: Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9),
  labels: Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 3),
  'labels.idx1-ubyte': Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 3),
  'notes.txt': 'Dear diary',
  'three-columns-then-two.csv': 'a,b,c\n1,2,3\n4,5\n',
  'with-gaps.csv': 'age,height\n31,1.7\nNA,1.6\n',
  'train.csv': 'species\nrose\niris\n',
  'test-with-a-new-species.csv': 'species\nlily\n',
  'two-rows.csv': 'a\n1\n2\n',
  'an-object-instead-of-a-list.json': '{"a": 1}',
  'labels-1-to-100-for-100-classes.csv': 'class\n1\n100\n',
})

const inputs: readonly WantedInput[] = [
  { name: 'x', dtype: 'f32', shape: [2] },
  { name: 'label', dtype: 'i32', shape: [], limit: 100 },
]

test.each(Object.entries(dataCodes))('the example of %s raises it', async (code, { example }) => {
  const { ast, diagnostics } = parse(example, 'example.nn')
  expect(diagnostics).toEqual([])
  const declaration = ast.declarations.find((found): found is DataDeclaration => found.kind === 'data')!
  const trained = ast.declarations.some(({ kind }) => kind === 'train')
  const fields = declaration.statements.flatMap((statement) =>
    statement.kind === 'field' ? [statement.name.text] : [],
  )
  const wanted = inputs.filter(({ name }) => (trained ? name === 'x' : fields.includes(name)))
  const source = { name: 'example.nn', path: join(folder, 'example.nn'), text: example }
  const raised = await loadData(declaration, source, wanted).catch((error: unknown) => error)
  expect(raised).toBeInstanceOf(DiagnosticsError)
  expect((raised as DiagnosticsError).diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code])
})
