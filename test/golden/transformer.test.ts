import { checkGoldenCases } from './golden-case.ts'

checkGoldenCases(
  'blocks of a Transformer agree with PyTorch and with the papers, values and gradients',
  new URL('./transformer.json', import.meta.url),
)
