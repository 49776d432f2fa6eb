import type { CatalogueEntry } from './catalogue.ts'

/** Names, types, sizes and everything else the checker decides. */
export const checkCodes = {
  NN0201: {
    title: 'Unknown name',
    explanation:
      'Nothing with this name is in scope: no input, `let`, declaration of the file, or definition of the standard library. ' +
      'Names are case-sensitive; capitalised names are dimensions, layers and models.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return rellu(x)\n}',
  },
  NN0202: {
    title: 'Name declared twice',
    explanation:
      'A name stands for one thing: declarations of a file, parameters and stages of one layer (their names become paths in checkpoints), ' +
      'indices of one `let`, and the single statements of a train block.',
    example: 'const Hidden = 8\nconst Hidden = 16',
  },
  NN0203: {
    title: 'Sizes do not match',
    explanation:
      'Two sizes that must be equal differ. The message names both, the labels show where each comes from. ' +
      'Axes are aligned from the right; missing axes and axes of size 1 repeat.',
    example: 'fn f(a: f32[3], b: f32[4]) -> f32[3] {\n  return a + b\n}',
  },
  NN0204: {
    title: 'Wrong number of axes',
    explanation:
      'A tensor has more or fewer axes than the function or layer works on. `flatten(from = 1)` joins axes, `expand_dims` adds one.',
    example:
      'layer Rows()(x: f32[B, C]) -> f32[B, C] {\n  return x\n}\nfn f(x: f32[A, B, C]) -> f32[A, B, C] {\n  return x |> Rows\n}',
  },
  NN0205: {
    title: 'Wrong type of number',
    explanation:
      'f32, i32 and bool do not mix silently. Convert with `float(…)` or `int(…)`; whole numbers written in the source become f32 by themselves.',
    example: 'fn f(x: f32[N], n: i32[N]) -> f32[N] {\n  return x * n\n}',
  },
  NN0206: {
    title: 'Size cannot be inferred',
    explanation:
      'A dimension or `...` in a signature gets its size from the tensors passed in, and here nothing gives it one. Name the size or pass it as a setting.',
    example: 'infer f(x: f32[..., 4]) -> f32 {\n  return sum(x)\n}',
  },
  NN0207: {
    title: 'A `where` condition does not hold',
    explanation: 'The declaration requires something of the sizes it is used with, and these sizes do not meet it.',
    example:
      'fn halves(x: f32[N]) -> f32[N / 2] where N % 2 == 0 {\n  return x[0:N / 2]\n}\ninfer f(x: f32[3]) -> f32[1] {\n  return halves(x)\n}',
  },
  NN0208: {
    title: 'Result differs from its declaration',
    explanation: 'The value a body returns, or a `let` is given, has another type than the one written.',
    example: 'fn f(x: f32[N, 4]) -> f32[N] {\n  return x\n}',
  },
  NN0209: {
    title: 'Wrong kind of value',
    explanation:
      'A function, string, tuple or layer stands where a tensor or a number is needed, or the other way round.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x + "one"\n}',
  },
  NN0210: {
    title: 'Missing argument',
    explanation: 'A call leaves out an argument that has no default.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return full_like(x)\n}',
  },
  NN0211: {
    title: 'Too many arguments',
    explanation:
      'A call passes more than the declaration takes. A layer takes its settings in the first brackets; what flows is passed through `|>`, or in second brackets: `Linear(8)(x)`.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return relu(x, 2.0, 3.0)\n}',
  },
  NN0212: {
    title: 'Unknown argument name',
    explanation: 'No argument has the name written before `=`, or it is given twice.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return leaky_relu(x, slop = 0.2)\n}',
  },
  NN0213: {
    title: 'Not something to call',
    explanation: 'Functions, layers, models and instances made with `use` can be called; numbers and tensors cannot.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x(1)\n}',
  },
  NN0214: {
    title: 'Condition not known when compiled',
    explanation:
      '`when` chooses statements while compiling. For values that exist only at run time use `if … then … else …`.',
    example: 'fn f(x: f32) -> f32 {\n  when x > 0.0 {\n    return x\n  }\n  return -x\n}',
  },
  NN0215: {
    title: 'Not known when compiled',
    explanation: 'Sizes, axes, repetitions, constants and settings of layers are fixed when the program is compiled.',
    example: 'fn f(x: f32[N], n: i32) -> f32[N] {\n  return reshape(x, [n])\n}',
  },
  NN0216: {
    title: 'No result',
    explanation: 'The body ends without `return`.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let _y = x\n}',
  },
  NN0217: {
    title: 'Statement in the wrong place',
    explanation:
      '`param` and `state` belong in layers and models, `loss`, `metric`, `optimizer`, `batch` and the like at the top level of a train block.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  param w: f32[N] = ones\n  return x * w\n}',
  },
  NN0218: {
    title: 'Defined through itself',
    explanation: 'Everything is expanded when compiled, so nothing may call itself, directly or through others.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return f(x)\n}',
  },
  NN0219: {
    title: 'Unknown index',
    explanation: 'Indices are bound on the left of a `let` or by a reduction; an undeclared name is never a new index.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y[i] = x[k]\n  return y\n}',
  },
  NN0220: {
    title: 'Index runs over different sizes',
    explanation:
      'An index reads axes of different sizes. Where one read may lie outside, give it a value: `x[i] ?? 0.0`. An axis of constant size may be longer than a run-time dimension, if it holds for its whole range; other sizes that differ need a `where` clause: `where T <= Longest`.',
    example: 'fn f(x: f32[3], y: f32[4]) -> f32[3] {\n  let z[i] = x[i] * y[i]\n  return z\n}',
  },
  NN0221: {
    title: 'Index without an extent',
    explanation:
      'How far an index runs is taken from a tensor read with that index alone as a subscript, or from the declared result of the function if the `let` is what it returns.',
    example: 'fn f(x: f32[N]) -> f32 {\n  let y[i] = 2.0\n  return sum(x) + sum(y)\n}',
  },
  NN0222: {
    title: 'Read outside a tensor',
    explanation:
      'A subscript may leave its axis for some values of the indices. Say what such a read gives: `x[i - 1] ?? 0.0`.',
    example: 'infer f(x: f32[8]) -> f32[8] {\n  let y[i] = x[i] - x[i - 1]\n  return y\n}',
  },
  NN0223: {
    title: 'Whole tensor among elements',
    explanation:
      'Index notation computes one element at a time: every tensor in it is read with subscripts. Functions of whole tensors belong in a `let` of their own.',
    example: 'fn f(x: f32[N], y: f32[N]) -> f32[N] {\n  let z[i] = x[i] * y\n  return z\n}',
  },
  NN0224: {
    title: 'Wrong subscripts',
    explanation:
      'A tensor takes one subscript per axis (or `...` for several), made of indices, sizes and whole numbers, or i32 elements read from a tensor.',
    example: 'fn f(x: f32[N, M]) -> f32[N] {\n  let y[i] = x[i]\n  return y\n}',
  },
  NN0225: {
    title: 'Wrong rearrangement',
    explanation:
      'Both sides of `rearrange` name the same axes, each once; a group `(h, e)` needs the size of all its axes but one.',
    example: 'fn f(x: f32[A, B]) -> f32[B, A] {\n  return rearrange(x, [a, b] -> [b, c])\n}',
  },
  NN0230: {
    title: 'Parameter without a fixed size',
    explanation:
      'Parameters and states live as long as the module, so their sizes are numbers or constants, never run-time dimensions. Only the first axis of a state may be one.',
    example: 'model M(x: f32[Batch, In]) -> f32[Batch, 2] {\n  return x |> out: Linear(2)\n}',
  },
  NN0231: {
    title: 'Parameter with two shapes',
    explanation:
      'A model has one set of parameters. It is called with inputs that would need parameters of different shapes.',
    example:
      'model M(x: f32[Batch, In]) -> f32[Batch, 2] {\n  return x |> out: Linear(2)\n}\ninfer a(x: f32[Batch, 3]) -> f32[Batch, 2] {\n  return M(x)\n}\ninfer b(x: f32[Batch, 4]) -> f32[Batch, 2] {\n  return M(x)\n}',
  },
  NN0232: {
    title: 'Parameters outside a model',
    explanation:
      'A layer with parameters or states is used where no model owns them: in a train or infer block, or in a function.',
    example: 'infer f(x: f32[Batch, 3]) -> f32[Batch, 2] {\n  return x |> out: Linear(2)\n}',
  },
  NN0233: {
    title: 'Parameter without a first value',
    explanation:
      'Every `param` says how it starts: `glorot_uniform`, `he_normal`, `zeros`, `normal(std = 0.02)`, a number. There is no default.',
    example: 'layer Scale()(x: f32[N]) -> f32[N] {\n  param w: f32[N]\n  return x * w\n}',
  },
  NN0234: {
    title: 'Update of what is not a state',
    explanation:
      '`update` changes a `state` of the same body, or `p` in an optimizer. Parameters are changed by training only.',
    example: 'layer Count()(x: f32[N]) -> f32[N] {\n  update total = x\n  return x\n}',
  },
  NN0235: {
    title: 'Pattern matches nothing',
    explanation:
      'The pattern of `freeze`, `optimizer … for` or `penalty … for` is compared with the dotted paths of the parameters this train block reaches or trains, that of `missing` and the right side of `map` with those of the model a `load` block is for; `*` is one part, `**` any parts.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n  freeze "encoder.**"\n}',
  },
  NN0240: {
    title: 'Train block without a loss',
    explanation: 'A train block minimises one number: `loss cross_entropy(logits, label)`.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain fit(x: f32[Batch, 2]) {\n  let _y = M(x)\n  optimizer sgd(0.1)\n}',
  },
  NN0241: {
    title: 'Loss is not one number',
    explanation: 'The loss is a scalar f32; take the `mean` over the batch.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss (M(x) - y) ^ 2\n  optimizer sgd(0.1)\n}',
  },
  NN0242: {
    title: 'Train block without a known optimizer',
    explanation:
      'A train block names an optimizer of the standard library or of the file: `optimizer adam(lr = 1e-3)`. ' +
      'Where all of them are limited to some parameters (`for "**.b"`), every trained parameter must match one.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer adm(0.1)\n}',
  },
  NN0243: {
    title: 'Metric is not one number',
    explanation:
      'A metric is a scalar f32, averaged over an epoch like the loss, or is made by a `metric` definition, whose value may have any shape known when compiled.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  metric error = abs(M(x) - y)\n  optimizer sgd(0.1)\n}',
  },
  NN0244: {
    title: 'Nothing to train',
    explanation: 'The train block uses no model with parameters, or every parameter is frozen.',
    example:
      'train fit(x: f32[Batch, 2], y: f32[Batch, 2]) {\n  loss mean_squared_error(x, y)\n  optimizer sgd(0.1)\n}',
  },
  NN0245: {
    title: 'Wrong training setting',
    explanation:
      '`batch`, `epochs`, `seed` and `accumulate` are whole numbers known when compiled, the batch within the range of its dimension; `clip` takes a positive bound.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n  batch 4096\n}',
  },
  NN0246: {
    title: 'Unknown metric to watch',
    explanation: '`stop when` watches `valid.loss`, `train.loss`, or a metric of the same block.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n  stop when valid.accuracy has not improved for 3 epochs\n}',
  },
  NN0247: {
    title: 'Unknown data block',
    explanation: '`on name` refers to a `data name { … }` block of the file.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) on rows {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n}',
  },
  NN0248: {
    title: 'Unknown setting',
    explanation: '`--set Name=value` overrides a `const` or the default of a `hyper` that the file declares.',
    example:
      '// compiled with --set Hiden=256\nconst Hidden = 128\nfn f(x: f32[Hidden]) -> f32[Hidden] {\n  return x\n}',
  },
  NN0249: {
    title: 'Not a penalty',
    explanation:
      '`penalty l2(1e-4) for "**.w"` adds to what is minimised, for each parameter that matches, the number a function makes of it. The parameter flows into the function as in a pipeline.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nfn squares(p: f32[...]) -> f32[...] {\n  return p * p\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  penalty squares\n  optimizer sgd(0.1)\n}',
  },
  NN0250: {
    title: 'Wrong range',
    explanation:
      'A range runs from its smaller to its larger end; sizes start at 1, `log` ranges above 0, and a default lies inside.',
    example: 'hyper lr = 2.0 in 1e-5..1e-1 log\nfn f(x: f32[N]) -> f32[N] {\n  return lr * x\n}',
  },
  NN0251: {
    title: 'Averaged parameter trained twice',
    explanation:
      'With `average` a parameter holds an average of the values its train block works on. Another train block that updates the parameter would change the average only.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ntrain first(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n  average ema(0.99)\n}\ntrain second(x: f32[Batch, 2]) {\n  loss mean(M(x) ^ 2)\n  optimizer sgd(0.1)\n}',
  },
  NN0252: {
    title: 'Wrong statement of a metric',
    explanation:
      '`collect` names a statistic of all values of an epoch: `area_under_roc(score, target)`, `average_precision(score, target)`, ' +
      '`rank_correlation(x, y)`, `median(x)`. `better` is `higher` or `lower`, `unit` is `percent`.',
    example: 'metric middle(x: f32[...]) {\n  collect medium(x)\n}',
  },
  NN0253: {
    title: 'Metric of the last batch',
    explanation:
      'What a metric returns is read after the last batch of an epoch. It is made of totals, states and numbers; anything else in it would be of the last batch alone.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nmetric share(x: f32[...]) {\n  total all = sum(x)\n  return sum(x) / all\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n  metric share = share(M(x))\n}',
  },
  NN0254: {
    title: 'Metric outside `metric name = …`',
    explanation:
      'A `metric` definition adds totals up over the batches of an epoch, so it has a value only in a train block, in a statement `metric name = …`.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ninfer f(x: f32[Batch, 2], y: f32[Batch, 1]) -> f32 {\n  return binary_accuracy(M(x), y)\n}',
  },
  NN0255: {
    title: 'Wrong gradient of a function',
    explanation:
      'After the body of a `fn`, `gradient (dy) { … }` gives the gradients of its f32 inputs, in their order and each in the shape of its input, ' +
      'from that of its one f32 result. Such a function works on whole tensors.',
    example: 'fn f(x: f32[N], y: f32[N]) -> f32[N] {\n  return x * y\n} gradient (d) {\n  return d * y\n}',
  },
  NN0256: {
    title: 'Imported file not found',
    explanation:
      'The path of an `import` is relative to the file it stands in. It must name a `.nn` file that exists and is UTF-8 text.',
    example: 'import { Block } from "./blok.nn"',
  },
  NN0257: {
    title: 'Nothing of this name to import',
    explanation:
      'A file exports what it declares itself: constants, dimensions, hypers, functions, layers, models, optimizers and initializers. ' +
      'What it imports, and its `train`, `infer` and `data` blocks, stay its own.',
    example: '// block.nn declares `layer Block`\nimport { Blok } from "./block.nn"',
  },
  NN0258: {
    title: 'Files import each other',
    explanation: 'An import leads back to the file it began in. Move what both files need into a third one.',
    example: '// ring.nn imports this file\nimport { Ring } from "./ring.nn"',
  },
  NN0259: {
    title: 'Total that cannot be added up',
    explanation:
      'A `total` of a metric is the sum of numbers of one shape, the same in every batch: f32 or i32, with sizes known when compiled.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nmetric spread(x: f32[B, 1]) {\n  total parts = abs(x)\n  return sum(parts)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n  metric spread = spread(M(x))\n}',
  },
  NN0260: {
    title: 'Tensor too large',
    explanation:
      'Memory is planned for the largest sizes of the run-time dimensions, and no tensor may exceed 2 GiB there. Lower the ranges.',
    example: 'infer f(x: f32[A, B, C, D]) -> f32 {\n  return sum(x)\n}',
  },
  NN0261: {
    title: 'Size out of range',
    explanation:
      'Arithmetic on sizes divides by what can be zero or exceeds 2147483647, a tensor would have an axis smaller than 0, a parameter no element, or the largest of no elements is asked for.',
    example: 'const Huge = 2000000000\nfn f(x: f32[N]) -> f32[N * Huge * Huge] {\n  return x\n}',
  },
  NN0262: {
    title: 'Program too large',
    explanation:
      'Limits: 200,000 operations in one entry point, 10,000 in one `let` of index notation, calls nested 200 deep, expressions nested 1000 deep through all calls.',
    example:
      'fn many(x: f32) -> f32 {\n  return x |> repeat(10000) tanh\n}\ninfer f(x: f32) -> f32 {\n  return x |> repeat(10000) many\n}',
  },
  NN0270: {
    title: 'Unused name',
    explanation: 'A warning: nothing uses this name. Begin it with `_` if that is meant.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y = x * 2.0\n  return x\n}',
  },
  NN0271: {
    title: 'Layer with parameters but without a name',
    explanation:
      'A warning: the path of its parameters is made from the layer’s name and changes when another one is put before it. Name the stage: `fc1: Linear(8)`.',
    example: 'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> Linear(1)\n}',
  },
  NN0272: {
    title: 'Model nothing uses',
    explanation: 'A warning: the file has train blocks, but neither they nor an infer block reach this model.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nmodel Other(x: f32[Batch, 2]) -> f32[Batch, 2] {\n  return relu(x)\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n}',
  },
  NN0273: {
    title: 'Name that hides another',
    explanation:
      'A warning: inside a `when` block, a `let` of a name from outside makes a new one that ends with the block; the value outside stays. ' +
      'A local name like that of a declaration of the file hides the declaration.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y = x\n  when training {\n    let y = 2.0 * x\n  }\n  return y\n}',
  },
  NN0274: {
    title: 'Train inputs and data fields differ',
    explanation:
      'A warning: an input of a train block is spelt almost like a field of its data, or a field is computed that no train or infer block takes.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\ndata rows {\n  source csv("rows.csv")\n  inputs = [a, b]\n}\ntrain fit(input: f32[Batch, 2], y: f32[Batch, 1]) on rows {\n  loss mean_squared_error(M(input), y)\n  optimizer sgd(0.1)\n}',
  },
  NN0275: {
    title: 'Parameter no train block changes',
    explanation:
      'A warning: the model is trained, but no loss depends on this parameter by a way gradients can go, so that it keeps its first value.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  param scale: f32 = ones\n  return stop_gradient(scale) * (x |> fc: Linear(1))\n}\ntrain fit(x: f32[Batch, 2], y: f32[Batch, 1]) {\n  loss mean_squared_error(M(x), y)\n  optimizer sgd(0.1)\n}',
  },
  NN0276: {
    title: 'Size where a fraction is usual',
    explanation:
      'A warning: `LayerNorm(64)` would be a normalisation whose `eps` is 64, and `BatchNorm(64)` one whose `momentum` is. Layers find the sizes of what flows into them by themselves; a setting that is meant so is given by its name.',
    example:
      'model M(x: f32[Batch, 64]) -> f32[Batch, 64] {\n  return x |> norm: LayerNorm(64)\n}\ninfer f(x: f32[Batch, 64]) -> f32[Batch, 64] {\n  return M(x)\n}',
  },
  NN0280: {
    title: 'Nothing to loop over',
    explanation:
      '`scan x in xs over Time` steps along the one axis of `xs` whose size is `Time`. Here no axis has that size, or several have it and neither the signature nor where they come from tells them apart.',
    example: 'infer f(xs: f32[Time, 4]) -> f32[Time, 4] {\n  return scan x in xs over 5 {\n    yield x\n  }\n}',
  },
  NN0281: {
    title: 'Carry changes its type',
    explanation:
      'What a loop carries from step to step keeps its type: the value after `carry` in `yield` must have the type of the first value.',
    example:
      'infer f(xs: f32[Time, 4]) -> f32 {\n  return scan x in xs over Time carry total = 0.0 {\n    yield carry total + x\n  }\n}',
  },
  NN0282: {
    title: 'Wrong number of carries',
    explanation: 'A `yield` passes on one value for each name the loop carries, in the same order.',
    example:
      'infer f(xs: f32[Time]) -> f32[Time] {\n  return scan x in xs over Time carry a = 0.0, b = 0.0 {\n    yield a * x carry b\n  }\n}',
  },
  NN0283: {
    title: 'Loop without a result',
    explanation:
      'The body of a loop ends with `yield value carry next`: the value is stacked over the steps, what is carried goes to the next step. One of the two may be left out, and `iterate` has only carries.',
    example: 'infer f(xs: f32[Time]) -> f32[Time] {\n  return scan x in xs over Time {\n    let _y = 2.0 * x\n  }\n}',
  },
  NN0284: {
    title: 'State updated in a loop',
    explanation:
      'A loop may read a state but not update it, nor use layers that do. Carry the value from step to step, and update the state after the loop.',
    example:
      'model M(xs: f32[Time, 3]) -> f32[Time, 3] {\n  state sum: f32[3] = zeros\n  use count = Counter()\n  return scan x in xs over Time {\n    yield count(x) + sum\n  }\n}\n' +
      'layer Counter()(x: f32[3]) -> f32[3] {\n  state n: f32 = 0.0\n  update n = n + 1.0\n  return x\n}',
  },
  NN0285: {
    title: 'Wrong setting of a loop',
    explanation:
      '`iterate … until tolerance within limit` needs a tolerance of 0 or more and a whole number of steps up to 1,000,000, both known when compiled.',
    example:
      'infer f(x: f32[4]) -> f32[4] {\n  return iterate z = x until 1e-5 within 0 {\n    yield carry cos(z)\n  }\n}',
  },
  NN0291: {
    title: 'Nothing of this name to load',
    explanation:
      '`load Name from "file"` takes a model of the file or one it imports, or a train or infer block, for all that the block reaches.',
    example: 'load Gpt from "gpt.safetensors"',
  },
  NN0292: {
    title: 'Wrong pattern of a `map`',
    explanation:
      'In `map "h.{i}.weight" -> "blocks.{i}.w"` a placeholder stands for at least one character within one part of a path. It stands on the right once; what it stands for there goes where it is on the left. ' +
      '`*` (within one part) and `**` (any parts) are placeholders without names: the first `*` on the left is the first on the right.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nload M from "base.safetensors" {\n  map "layer.{i}.weight" -> "fc.w"\n}',
  },
  NN0293: {
    title: 'Parameter loaded twice',
    explanation:
      'One parameter starts from one tensor: at most one `map` matches it, and at most one `load` block loads it.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nload M from "base.safetensors" {\n  map "**.weight" -> "**.w"\n  map "first.kernel" -> "fc.w"\n}',
  },
  NN0294: {
    title: 'Transposition that does not fit',
    explanation:
      '`transpose` exchanges the last two axes of a tensor on its way to a parameter, which must have two; `transpose [3, 2, 0, 1]` names every axis of the parameter once.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nload M from "base.safetensors" {\n  map "dense.*" -> "fc.*" transpose\n}',
  },
  NN0295: {
    title: 'Nothing to load',
    explanation: 'The model has no parameters and states, or `missing` names all of them.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nload M from "base.safetensors" {\n  missing "**"\n}',
  },
} as const satisfies Record<string, CatalogueEntry>
