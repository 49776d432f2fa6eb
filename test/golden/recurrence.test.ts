import { checkGoldenCases } from './golden-case.ts'

checkGoldenCases(
  'stacked, bidirectional and other recurrent networks agree with PyTorch and with the papers',
  new URL('./recurrence.json', import.meta.url),
)
