import { describe, expect, it } from 'vitest'
import { assemble } from '../../compiler/6-emit/assemble.ts'
import type { SimdBuild } from '../../runtime/manifest.ts'
import { builds, compileKernels, emptyManifest, kernels } from './library.ts'

const memoryBytes = 3 * 65536 + 1
const source = `
import { RELAXED } from './build'
import { exp, madd } from './vector'
import { matmul } from './matmul'
export function relaxed(): bool { return RELAXED }
export function work(at: usize): void { v128.store(at, exp(madd(v128.load(at), v128.load(at, 16), v128.load(at, 32)))) }
export function product(n: i32): void { matmul(0, 4096, 8192, n, n, n, n, 1, n, 1, n, false, 16384) }
`
const options = (build: SimdBuild) => ({ build, manifest: emptyManifest(build), kernels, memoryBytes })
const compiled = (wasm: Uint8Array) => new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>)

describe('assemble', () => {
  it('makes a module that imports nothing and exports its functions and memory', async () => {
    const module = compiled((await assemble(source, options('plain'))).wasm)
    expect(WebAssembly.Module.imports(module)).toEqual([])
    expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual(['relaxed', 'work', 'product', 'memory'])
    const { memory } = new WebAssembly.Instance(module).exports as { memory: WebAssembly.Memory }
    expect(memory.buffer.byteLength).toBe(4 * 65536)
    expect(() => memory.grow(1)).toThrow()
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true)
  })
  it.each(builds)('carries the manifest and nothing else beside the code, %s build', async (build) => {
    const { wasm } = await assemble(source, options(build))
    await compileKernels(source, build, memoryBytes) // turns relaxed SIMD on where it is behind a flag
    const module = compiled(wasm)
    const [section, ...others] = WebAssembly.Module.customSections(module, 'nnc')
    expect(others).toEqual([])
    expect(JSON.parse(new TextDecoder().decode(section))).toEqual(emptyManifest(build))
    for (const name of ['name', 'producers', 'target_features', 'sourceMappingURL']) {
      expect(WebAssembly.Module.customSections(module, name), name).toEqual([])
    }
  })
  it('keeps names on demand', async () => {
    const { wasm } = await assemble(source, { ...options('plain'), names: true })
    expect(WebAssembly.Module.customSections(compiled(wasm), 'name')).toHaveLength(1)
  })
  it('folds RELAXED: only the relaxed build holds relaxed instructions', async () => {
    for (const build of builds)
      expect((await compileKernels(source, build, memoryBytes)).call('relaxed')).toBe(build === 'relaxed' ? 1 : 0)
    // f32x4.relaxed_madd is 0xfd, then 0x105 in LEB128.
    const holdsRelaxedMadd = (wasm: Uint8Array) =>
      wasm.some((byte, at) => byte === 0xfd && wasm[at + 1] === 0x85 && wasm[at + 2] === 0x02)
    expect(holdsRelaxedMadd((await assemble(source, options('plain'))).wasm)).toBe(false)
    expect(holdsRelaxedMadd((await assemble(source, options('relaxed'))).wasm)).toBe(true)
  })
  it('reports sizes by function and leaves large functions alone', async () => {
    const { wasm, report } = await assemble(source, options('plain'))
    expect(report.bytes).toBe(wasm.length)
    const names = report.functions.map(({ name }) => name)
    expect(names).toContain('main/work')
    expect(names).toContain('matmul/matmul')
    expect(names).toContain('main/relaxed')
    const sizes = report.functions.map(({ bytes }) => bytes)
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a))
    expect(sizes.reduce((total, bytes) => total + bytes, 0)).toBeLessThan(wasm.length)
  })
  it('gives the same bytes alone, again and beside others', async () => {
    const alone = (await assemble(source, options('plain'))).wasm
    const together = await Promise.all([
      assemble(source, options('plain')),
      assemble(source, { ...options('relaxed'), optimizeLevel: 3 }),
      assemble('export function other(): i32 { return 7 }', options('plain')),
      assemble(source, options('plain')),
    ])
    expect(together[0]!.wasm).toEqual(alone)
    expect(together[3]!.wasm).toEqual(alone)
    expect((new WebAssembly.Instance(compiled(together[2]!.wasm)).exports as { other(): number }).other()).toBe(7)
  })
  it('passes on what asc says about code that does not compile', async () => {
    await expect(assemble('export function f(): i32 { return missing }', options('plain'))).rejects.toThrow(
      /^internal: assemble: [\s\S]*Cannot find name 'missing'/,
    )
    await expect(assemble('export function f(: i32 {', options('plain'))).rejects.toThrow(/^internal: assemble: /)
    await expect(
      assemble("import { none } from './absent'\nexport function f(): void { none() }", options('plain')),
    ).rejects.toThrow(/^internal: assemble: [\s\S]*absent/)
  })
  it('refuses code that needs data, a start function or an import', async () => {
    await expect(assemble("export function f(): string { return 'text' }", options('plain'))).rejects.toThrow(
      /^internal: assemble: .*data/,
    )
    await expect(
      assemble(
        'let x: i32 = f()\nfunction f(): i32 { return memory.size() }\nexport function g(): i32 { return x }',
        options('plain'),
      ),
    ).rejects.toThrow(/^internal: assemble: .*start/)
    await expect(
      assemble('declare function g(): i32\nexport function f(): i32 { return g() }', options('plain')),
    ).rejects.toThrow(/^internal: assemble: .*import/)
  })
})
