import { checkGoldenCases } from './golden-case.ts'

checkGoldenCases(
  'attention and positions agree with PyTorch and with the papers, values and gradients',
  new URL('./attention.json', import.meta.url),
)
