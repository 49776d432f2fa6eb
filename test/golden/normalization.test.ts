import { checkGoldenCases } from './golden-case.ts'

checkGoldenCases(
  'normalising layers agree with PyTorch, values, gradients and running statistics',
  new URL('./normalization.json', import.meta.url),
)
