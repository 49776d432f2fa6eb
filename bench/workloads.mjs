// The workloads every contestant runs: same model, same starting weights, same batch, Adam with lr 1e-3 (the GPT AdamW
// with decay 0.01); W are training steps, W6 products, I predictions of one row. Each contestant prints the losses of
// steps 0 and 4 (of W6 and I the first element of the result), which must agree, so a wrong workload shows at once.

/** Uniform in [-scale, scale): a 32-bit mixing function of (seed, position). */
export function fill(seed, count, scale = 1) {
  return write(new Float32Array(count), seed, scale)
}

/** Writes the random numbers of a seed and gives the array back. */
function write(values, seed, scale) {
  const start = Math.imul(seed, 0x9e3779b1) >>> 0
  for (let position = 0; position < values.length; position++) {
    let t = (start + Math.imul(position + 1, 0x6d2b79f5)) | 0
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    values[position] = ((((t ^ (t >>> 14)) >>> 0) / 4294967296) * 2 - 1) * scale
  }
  return values
}

export function classes(seed, count, limit) {
  return Int32Array.from(fill(seed, count), (value) => Math.min(limit - 1, Math.floor(((value + 1) / 2) * limit)))
}

/** Layer widths of a multi-layer perceptron; weights here are [in, out]. */
function perceptron(widths) {
  return widths.slice(1).map((out, layer) => {
    const fanIn = widths[layer]
    return {
      fanIn,
      channels: fanIn,
      out,
      weights: fill(100 + 2 * layer, fanIn * out, 1 / Math.sqrt(fanIn)),
      bias: new Float32Array(out),
    }
  })
}

const mlp = [784, 256, 128, 10]
const tiny = [2, 16, 16, 1]

export const workloads = {
  W1_b32: { title: 'MLP 784-256-128-10, batch 32', kind: 'mlp', activation: 'relu', widths: mlp, batch: 32 },
  W1_b128: { title: 'MLP 784-256-128-10, batch 128', kind: 'mlp', activation: 'relu', widths: mlp, batch: 128 },
  W3: { title: 'CNN conv 16, conv 32, fc 128 on 28×28, batch 32', kind: 'cnn', widths: [784, 10], batch: 32 },
  W2: { title: 'MLP 2-16-16-1, batch 32', kind: 'tiny', activation: 'tanh', widths: tiny, batch: 32 },
  W4: { title: 'GRU 128, 65 characters, 64 steps, batch 16', kind: 'gru', batch: 16 },
  W5: { title: 'GPT 128 wide, 4 layers, 4 heads, 64 steps, batch 8', kind: 'gpt', batch: 8 },
  W6_256: { title: 'product of 256 × 256', kind: 'product', size: 256 },
  W6_512: { title: 'product of 512 × 512', kind: 'product', size: 512 },
  W6_1024: { title: 'product of 1024 × 1024', kind: 'product', size: 1024 },
  I1: { title: 'MLP of W1, one row', kind: 'mlp', predicts: true, activation: 'relu', widths: mlp, batch: 1 },
  I3: { title: 'CNN of W3, one image', kind: 'cnn', predicts: true, widths: [784, 10], batch: 1 },
  I5: { title: 'GPT of W5, one text', kind: 'gpt', predicts: true, batch: 1 },
}

const CHARACTERS = 65
const STEPS = 64

/** The parameters of the GRU and the GPT in order, matrices as [in, out]; where each comes in the list is its seed. */
export function parametersOf({ kind }) {
  const matrix = (name, fanIn, out, fan = fanIn) => ({ name, shape: [fanIn, out], scale: 1 / Math.sqrt(fan) })
  const table = (name, rows, columns, scale) => ({ name, shape: [rows, columns], scale })
  const vector = (name, size, value = 0) => ({ name, shape: [size], value })
  const block = (number) => {
    const at = `blocks.${number}`
    return [
      ...[vector(`${at}.ln1.gamma`, 128, 1), vector(`${at}.ln1.beta`, 128)],
      ...[matrix(`${at}.attn.qkv.w`, 128, 384), vector(`${at}.attn.qkv.b`, 384)],
      ...[matrix(`${at}.attn.proj.w`, 128, 128), vector(`${at}.attn.proj.b`, 128)],
      ...[vector(`${at}.ln2.gamma`, 128, 1), vector(`${at}.ln2.beta`, 128)],
      ...[matrix(`${at}.fc.w`, 128, 512), vector(`${at}.fc.b`, 512)],
      ...[matrix(`${at}.out.w`, 512, 128), vector(`${at}.out.b`, 128)],
    ]
  }
  const list =
    kind === 'gru'
      ? [
          table('embed.table', CHARACTERS, 64, 1),
          matrix('gru.cell.weight_ih', 64, 384, 128),
          matrix('gru.cell.weight_hh', 128, 384),
          vector('gru.cell.bias_ih', 384),
          vector('gru.cell.bias_hh', 384),
          matrix('head.w', 128, CHARACTERS),
          vector('head.b', CHARACTERS),
        ]
      : [
          table('embed.table', CHARACTERS, 128, 0.1),
          table('pos.w', STEPS, 128, 0.1),
          ...[0, 1, 2, 3].flatMap(block),
          ...[vector('lnf.gamma', 128, 1), vector('lnf.beta', 128), matrix('head.w', 128, CHARACTERS)],
        ]
  return list.map(({ name, shape, scale, value }, at) => ({
    name,
    shape,
    /** Made when asked for, so that a contestant need not hold them all at once. */
    get data() {
      return this.write(new Float32Array(shape.reduce((product, size) => product * size, 1)))
    },
    /** The same into an array that a contestant uses for one after the other. */
    write: (values) => (scale === undefined ? values.fill(value) : write(values, 100 + at, scale)),
  }))
}

/** The two operands of a product. */
export function operandsOf({ size }) {
  return [fill(1, size * size), fill(2, size * size)]
}

export function layersOf(workload) {
  return workload.kind === 'cnn' ? convolutional() : perceptron(workload.widths)
}

/** Two convolutions, weights [height, width, in, out], and two dense layers on [height, width, channel] flattened. */
function convolutional() {
  const layers = [
    { fanIn: 3 * 3 * 1, channels: 1, out: 16 },
    { fanIn: 3 * 3 * 16, channels: 16, out: 32 },
    { fanIn: 7 * 7 * 32, channels: 32, out: 128 },
    { fanIn: 128, channels: 128, out: 10 },
  ]
  return layers.map(({ fanIn, channels, out }, layer) => {
    const weights = fill(100 + 2 * layer, fanIn * out, 1 / Math.sqrt(fanIn))
    return { fanIn, channels, out, weights, bias: new Float32Array(out) }
  })
}

export function batchOf({ kind, batch, widths }) {
  if (kind === 'gru' || kind === 'gpt') {
    const text = classes(7, batch * (STEPS + 1), CHARACTERS)
    const part = (from) =>
      Int32Array.from({ length: batch * STEPS }, (_, at) => text[at + Math.floor(at / STEPS) + from])
    return { x: part(0), y: part(1) }
  }
  const x = fill(7, batch * widths[0], kind === 'tiny' ? 1 : Math.sqrt(3))
  if (kind !== 'tiny') return { x, y: classes(8, batch, widths.at(-1)) }
  return { x, y: Float32Array.from({ length: batch }, (_, row) => (x[2 * row] * x[2 * row + 1] > 0 ? 1 : 0)) }
}
