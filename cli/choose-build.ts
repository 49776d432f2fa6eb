import type { SimdBuild } from '../runtime/manifest.ts'
import { hostBuild } from './host-build.ts'
import type { Terminal } from './terminal.ts'

export interface BuildChoice {
  readonly build?: SimdBuild
  /** `--avx2`. */
  readonly avx2?: true
  /** False for `--no-cache`. */
  readonly cache?: boolean
  /** What `nnc tune` found to be the fastest here; V8's revectoriser then needs no further trial. */
  readonly tuned?: SimdBuild
}

/** The build a command runs. To be called before any module is compiled, since it may switch V8's flags. */
export async function chooseBuild(choice: BuildChoice, terminal: Terminal): Promise<SimdBuild> {
  const best = await hostBuild()
  if (choice.tuned === 'wide') {
    const { switchRevectoriserOn } = await import('./revectoriser.ts')
    switchRevectoriserOn()
  }
  if (choice.tuned) return choice.tuned
  if (!choice.avx2) return choice.build ?? best
  const { requireRevectoriser } = await import('./revectoriser.ts')
  await requireRevectoriser(choice.cache ?? true, terminal)
  return 'wide'
}
