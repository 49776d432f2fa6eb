import { checkGoldenCases } from './golden-case.ts'

checkGoldenCases(
  'further convolutions and poolings agree with PyTorch, values and gradients',
  new URL('./windows.json', import.meta.url),
)
