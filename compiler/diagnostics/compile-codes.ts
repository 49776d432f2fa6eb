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
  loss 1.0 - accuracy(Classifier(x), label)
  optimizer sgd(lr = 0.1)
}`,
  },
} as const satisfies Record<string, CatalogueEntry>
