import { chapters } from './recipes.ts'
import { testChapters } from './test-chapters.ts'

testChapters(chapters.slice(0, 3))
