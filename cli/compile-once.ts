import type { Compilation, CompileOptions } from '../compiler/index.ts'

/**
 * V8 optimises WebAssembly that runs often. For the assembler, megabytes of it that one compilation runs through once or
 * twice, that takes longer than it saves.
 */
const OPTIMISING = ['wasm-tier-up', 'wasm-dynamic-tiering']

/**
 * Compiles in a process that does little else: a command owns its process, so it may say how V8 treats the assembler.
 * What runs afterwards, the modules that come out among it, is optimised as ever.
 */
export async function compileOnce(source: string, options: CompileOptions): Promise<Compilation> {
  const [{ compile }, { setFlagsFromString }] = await Promise.all([import('../compiler/index.ts'), import('node:v8')])
  for (const flag of OPTIMISING) setFlagsFromString(`--no-${flag}`)
  try {
    return await compile(source, options)
  } finally {
    for (const flag of OPTIMISING) setFlagsFromString(`--${flag}`)
  }
}
