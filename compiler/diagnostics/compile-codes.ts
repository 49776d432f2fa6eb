import type { CatalogueEntry } from './catalogue.ts'

export const compileCodes = {
  NN0301: {
    title: 'No gradient reaches a value',
    explanation: `A gradient was asked for (a \`loss\` asks for that of every parameter), and the value does depend on what the
gradient is taken with respect to, but only through operations whose derivative is zero everywhere: comparisons,
\`argmax\`, \`floor\`, \`sign\`, a conversion to \`i32\`. Nothing could be learned through it. Use a smooth expression instead
(a cross-entropy for the accuracy, say), or \`stop_gradient\` where no learning is intended.`,
    example: `model Classifier(x: f32[Batch, 4]) -> f32[Batch, 3] {
  return x |> out: Linear(3)
}
train fit(x: f32[Batch, 4], label: i32[Batch]) {
  loss mean(abs(float(argmax(Classifier(x)) - label)))
  optimizer sgd(lr = 0.1)
}`,
  },
  NN0302: {
    title: 'Program too large for a module',
    explanation: `Parameters, optimizer slots, inputs and intermediate tensors are all placed when compiling, for the largest size
of every run-time dimension, and together they exceed the 4 GiB a WebAssembly module can address. The place is that of
the largest tensor. Declare smaller ranges (\`dim Batch in 1..32\`), or make the model smaller.`,
    example: `dim Batch in 1..500000
model Wide(x: f32[Batch, 512]) -> f32[Batch, 512] {
  return x |> fc1: Linear(512) |> tanh |> fc2: Linear(512) |> tanh |> fc3: Linear(512)
}
train fit(x: f32[Batch, 512], y: f32[Batch, 512]) {
  loss mean_squared_error(Wide(x), y)
  optimizer adam
}`,
  },
  NN0303: {
    title: 'Not in ONNX',
    explanation: `The entry \`nnc export\` was to write uses something that ONNX has no operator for, or one with other results:
random numbers, above all, which every runtime draws differently. Make the random numbers an input of an \`infer\` block
of its own and export that, or export another entry (\`--entry\`).`,
    example: `model Decoder(z: f32[Batch, 2]) -> f32[Batch, 4] {
  return z |> out: Linear(4)
}
infer sample(x: f32[Batch, 2]) -> f32[Batch, 4] {
  return Decoder(x + normal_like(x))
}`,
  },
} as const satisfies Record<string, CatalogueEntry>
