import { expect, test } from 'vitest'
import { buildGraphs } from '../../compiler/3-graph/lower.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { compileCodes } from '../../compiler/diagnostics/compile-codes.ts'
import { renderDiagnostics } from '../../compiler/diagnostics/render.ts'
import { compile, exportOnnx } from '../../compiler/index.ts'
import { programOf } from '../check/check-text.ts'

test('NN0301, no gradient reaches a value', () => {
  const text = compileCodes.NN0301.example
  const found = buildGraphs(programOf(text)).graphs.flatMap((graph) => differentiate(graph).diagnostics)
  expect(found.map((diagnostic) => diagnostic.code)).toEqual(['NN0301'])
  expect(renderDiagnostics(found, new Map([['test.nn', text]]))).toMatchInlineSnapshot(`
    "error[NN0301]: no gradient reaches \`out.w\`, \`out.b\`: the value depends on it only through \`argmax\`, whose derivative is zero everywhere
      --> test.nn:5:23
     5 |   loss mean(abs(float(argmax(Classifier(x)) - label)))
       |                       ^^^^^^^^^^^^^^^^^^^^^
       |   ---------------------------------------------------- the gradient is taken here
    help: use a smooth expression in place of \`argmax\`, or stop_gradient(…) if nothing should be learned through it
    "
  `)
})

test('NN0302, program too large for a module', async () => {
  const text = compileCodes.NN0302.example
  const { diagnostics } = await compile(text, { file: 'wide.nn' })
  expect(renderDiagnostics(diagnostics, new Map([['wide.nn', text]]))).toMatchInlineSnapshot(`
    "error[NN0302]: the program needs 7.6 GiB of memory at the largest sizes of its dimensions, and a WebAssembly module has 4 GiB
      --> wide.nn:5:11
     5 | train fit(x: f32[Batch, 512], y: f32[Batch, 512]) {
       |           ^^^^^^^^^^^^^^^^^^
    help: give the run-time dimensions smaller ranges, as in \`dim Batch in 1..32\`, or make the largest tensor, here, smaller
    "
  `)
})

test('NN0303, not in ONNX', async () => {
  const text = compileCodes.NN0303.example
  const compilation = await compile(text, { file: 'decoder.nn', stopAfter: 'graph' })
  const variables = { 'out.w': new Float32Array(8), 'out.b': new Float32Array(4) }
  const { diagnostics, model } = await exportOnnx(compilation, { entry: 'sample', variables })
  expect(model).toBeUndefined()
  expect(renderDiagnostics(diagnostics, compilation.sources)).toMatchInlineSnapshot(`
    "error[NN0303]: \`sample\` holds random numbers, which ONNX draws differently
      --> decoder.nn:5:22
     5 |   return Decoder(x + normal_like(x))
       |                      ^^^^^^^^^^^^^^
    help: give them to the entry as an input, or export an entry that draws none
    "
  `)
})
