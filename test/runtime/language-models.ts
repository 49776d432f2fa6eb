/** Small language models as steps of generation: a recurrent one, and attention with a cache of keys and values. */
export const languageModels = `
dim Batch in 1..4
dim T in 1..8
dim Past in 0..23
const V = 12
const Hid = 10

model Gated(id: i32[Batch, Time], h: f32[Batch, Hid]) -> (logits: f32[Batch, Time, V], h: f32[Batch, Hid]) {
  use cell = GruCell(Hid)
  let x = id |> embed: Embedding(V, 6)
  let (hs, last) = scan now in x over Time carry before = h {
    let after = cell(now, before)
    yield after carry after
  }
  return (hs |> out: Linear(V), last)
}

/// One head: what position t of the new tokens sees is all of the past and the new ones up to itself.
model Attending(id: i32[Batch, T], keys: f32[Batch, Past, Hid], seen: f32[Batch, Past, Hid])
  -> (logits: f32[Batch, T, V], keys: f32[Batch, Past + T, Hid], seen: f32[Batch, Past + T, Hid]) {
  let x = id |> embed: Embedding(V, Hid)
  let k = concat([keys, x |> key: Linear(Hid)], axis = 1)
  let v = concat([seen, x |> value: Linear(Hid)], axis = 1)
  let q = x |> query: Linear(Hid)
  let score[b, t, s] = if s <= t + Past then sum[d](q[b, t, d] * k[b, s, d]) / sqrt(Hid) else -inf
  let weight = softmax(score)
  let mixed = weight @ v
  return ((x + mixed) |> out: Linear(V), k, v)
}
/// Nothing carried: the last tokens are fed again each time.
infer whole(id: i32[Batch, T]) -> f32[Batch, T, V] {
  let h: f32[Batch, Hid] = zeros
  let (logits, _after) = Gated(id, h)
  return logits
}
infer next(id: i32[Batch], h: f32[Batch, Hid]) -> (logits: f32[Batch, V], h: f32[Batch, Hid]) {
  let (logits, after) = Gated(expand_dims(id, 1), h)
  return (logits[:, 0], after)
}
infer classify(x: f32[Batch, Hid]) -> f32[Batch, 2] {
  return x[:, 0:2]
}
`
