import { checkGoldenCases } from './golden-case.ts'

checkGoldenCases(
  'mixtures of experts, bilinear and low-rank layers agree with PyTorch and with the papers',
  new URL('./experts.json', import.meta.url),
)
