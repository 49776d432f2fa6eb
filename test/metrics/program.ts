/** One program with every metric of the library, and rows with ties, padding and a class that is never given. */
export const CLASSES = 4

export const source = `
const C = ${CLASSES}
model Shift(x: f32[B, C]) -> f32[B, C] {
  param b: f32[C] = zeros
  return x + b
}
train fit(x: f32[B, C], label: i32[B], target: f32[B], y: f32[B], keep: f32[B]) {
  let logits = Shift(x)
  let score = logits[..., 0]
  loss cross_entropy(logits, label)
  metric accuracy = accuracy(logits, label)
  metric kept_accuracy = accuracy(logits, label, weight = keep)
  metric binary_accuracy = binary_accuracy(score, target)
  metric top_2 = top_k_accuracy(logits, label, k = 2)
  metric precision_macro = precision(logits, label)
  metric precision_weighted = precision(logits, label, average = "weighted")
  metric precision_none = precision(logits, label, average = "none")
  metric recall_macro = recall(logits, label)
  metric recall_none = recall(logits, label, average = "none")
  metric f1_macro = f1(logits, label)
  metric f1_micro = f1(logits, label, average = "micro")
  metric f1_weighted = f1(logits, label, average = "weighted")
  metric f1_none = f1(logits, label, average = "none")
  metric f2_macro = f1(logits, label, beta = 2.0)
  metric kept_f1 = f1(logits, label, weight = keep)
  metric specificity_none = specificity(logits, label, average = "none")
  metric balanced_accuracy = balanced_accuracy(logits, label)
  metric matthews = matthews_correlation(logits, label)
  metric kappa = cohen_kappa(logits, label)
  metric confusion = confusion_matrix(logits, label)
  metric kept_confusion = confusion_matrix(logits, label, weight = keep)
  metric binary_precision = binary_precision(score, target)
  metric binary_recall = binary_recall(score, target)
  metric binary_f1 = binary_f1(score, target)
  metric binary_specificity = binary_specificity(score, target)
  metric roc_auc = roc_auc(score, target)
  metric kept_roc_auc = roc_auc(score, target, weight = keep)
  metric pr_auc = pr_auc(score, target)
  metric kept_pr_auc = pr_auc(score, target, weight = keep)
  metric spearman = spearman(score, y)
  metric r2 = r2(score + y, y)
  metric explained_variance = explained_variance(score + y, y)
  metric mean_of_y = epoch_mean(y, keep)
  metric mae = mae(score, y)
  metric rmse = rmse(score, y)
  metric mape = mape(score, y)
  metric max_error = max_error(score, y)
  metric median_error = median_absolute_error(score, y)
  metric perplexity = perplexity(logits, label)
  metric bits = bits_per_symbol(logits, label)
  metric brier = brier_score(score, target)
  metric kept_brier = brier_score(score, target, weight = keep)
  metric calibration = calibration_error(logits, label)
  metric kept_calibration = calibration_error(logits, label, bins = 4, weight = keep)
  metric one_minus = 1.0 - accuracy(logits, label)
  optimizer sgd(0.0)
}
`

export interface Rows {
  readonly x: Float32Array
  readonly label: Int32Array
  readonly target: Float32Array
  readonly y: Float32Array
  readonly keep: Float32Array
}

/** Scores are eighths, so that many are equal; the last class is never the largest. */
export function makeRows(rows: number): Rows {
  let state = 12345
  const next = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return state / 0x7fffffff
  }
  const x = new Float32Array(rows * CLASSES)
  const label = new Int32Array(rows)
  const target = new Float32Array(rows)
  const y = new Float32Array(rows)
  const keep = new Float32Array(rows)
  for (let n = 0; n < rows; n++) {
    label[n] = Math.floor(next() * next() * CLASSES)
    target[n] = next() < 0.3 ? 1 : 0
    keep[n] = next() < 0.8 ? 1 : 0
    for (let c = 0; c < CLASSES; c++) {
      const pull = (c === label[n] ? 0.5 : 0) + (c === 0 ? 0.7 * target[n]! : 0)
      x[n * CLASSES + c] = c === CLASSES - 1 ? -3 : Math.floor((next() * 2 - 1 + pull) * 8) / 8
    }
    y[n] = Math.fround(1000 + Math.floor(next() * 40 + 6 * x[n * CLASSES]!) / 4)
  }
  return { x, label, target, y, keep }
}
