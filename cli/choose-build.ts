import type { SimdBuild } from '../runtime/manifest.ts'
import { hostBuild } from './host-build.ts'
import type { Terminal } from './terminal.ts'

export interface BuildChoice {
  readonly build?: SimdBuild
  /** `--avx2`. */
  readonly avx2?: true
  /** False for `--no-cache`. */
  readonly cache?: boolean
}

/** The build a command runs. To be called before any module is compiled, since it may switch V8's flags. */
export async function chooseBuild(choice: BuildChoice, terminal: Terminal): Promise<SimdBuild> {
  const best = await hostBuild()
  if (!choice.avx2) return choice.build ?? best
  const { requireRevectoriser } = await import('./revectoriser.ts')
  await requireRevectoriser(choice.cache ?? true, terminal)
  return 'wide'
}
