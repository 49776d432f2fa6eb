// Time of a token against its position, with a cache of keys and values and without.
//   npm run build && node bench/generation.mjs
// Generates 960 tokens with one block of attention over 256 features, 8 heads, and prints the median time of a token in each
// stretch of 120 positions. With the cache it grows by what attention reads of it; without, the whole text is fed again.
import { compile } from '../dist/compiler/index.js'
import { load } from '../dist/runtime/index.js'

const LONGEST = 1024
const source = `
dim T in 1..${LONGEST}
dim Past in 0..${LONGEST - 1}
const V = 96
const D = 256
const Heads = 8

model Decoder(id: i32[B, T], keys: f32[B, Past, D], seen: f32[B, Past, D])
  -> (logits: f32[B, T, V], keys: f32[B, Past + T, D], seen: f32[B, Past + T, D]) {
  let x = id |> embed: Embedding(V, D)
  let k = concat([keys, x |> key: Linear(D)], axis = 1)
  let v = concat([seen, x |> value: Linear(D)], axis = 1)
  let q = rearrange(x |> query: Linear(D), [b, t, (h, e)] -> [b, h, t, e], h = Heads)
  let kh = rearrange(k, [b, s, (h, e)] -> [b, h, s, e], h = Heads)
  let vh = rearrange(v, [b, s, (h, e)] -> [b, h, s, e], h = Heads)
  let score[b, h, t, s] = sum[e](q[b, h, t, e] * kh[b, h, s, e]) / sqrt(D / Heads)
  let masked[b, h, t, s] = if s <= t + Past then score[b, h, t, s] else -inf
  let mixed = rearrange(softmax(masked) @ vh, [b, h, t, e] -> [b, t, (h, e)])
  return ((x + (mixed |> join: Linear(D))) |> out: Linear(V), k, v)
}
infer cached(id: i32[1, T], keys: f32[1, Past, D], seen: f32[1, Past, D])
  -> (logits: f32[1, T, V], keys: f32[1, Past + T, D], seen: f32[1, Past + T, D]) {
  return Decoder(id, keys, seen)
}
`

const { modules, diagnostics } = await compile(source, { file: 'decoder.nn', builds: ['plain'] })
for (const { severity, message } of diagnostics) if (severity === 'error') throw new Error(message)
const model = await load(modules.plain)
const none = { data: new Float32Array(0), shape: [1, 0, 256] }
const text = [2]
const cached = []
let began = performance.now()
for (const id of model.generate('cached', { prompt: text.slice(), count: 960, seed: 1 })) {
  cached.push(performance.now() - began)
  text.push(id)
  began = performance.now()
}
const whole = (length) => {
  const start = performance.now()
  model.predict('cached', { id: { data: text.slice(0, length), shape: [1, length] }, keys: none, seen: none })
  return performance.now() - start
}
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
console.log('position   with the cache   fed again')
for (let at = 0; at < 960; at += 120) {
  const again = median(Array.from({ length: 5 }, () => whole(at + 60)))
  console.log(
    `${String(at + 60).padStart(8)}   ${median(cached.slice(at, at + 120))
      .toFixed(3)
      .padStart(11)} ms   ${again.toFixed(2).padStart(6)} ms`,
  )
}
