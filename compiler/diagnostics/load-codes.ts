import type { CatalogueEntry } from './catalogue.ts'

/** What can be wrong with the files `load` blocks name. The examples load `base.safetensors`, which holds `fc.w: F32[1, 2]` and `fc.b: F32[1]`. */
export const loadCodes = {
  NN0501: {
    title: 'Not a safetensors file',
    explanation:
      'A safetensors file begins with the length of its header (64 bits, little-endian), then the header in JSON with dtype, shape and place of each tensor, then the tensors without gaps. ' +
      'Weights in other formats are converted with `safetensors.torch.save_file(model.state_dict(), "base.safetensors")` in PyTorch, for example.',
    example: 'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nload M from "notes.txt"',
  },
  NN0502: {
    title: 'Parameter without a tensor',
    explanation:
      'Every parameter and state of the model comes from the tensor a `map` names, else from the tensor of its own path. ' +
      'What is not in the file and keeps its initializer is named by `missing "pattern"`.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1) |> head: Linear(1)\n}\nload M from "base.safetensors"',
  },
  NN0503: {
    title: 'Tensor of another shape or kind',
    explanation:
      'A tensor has the shape of its parameter. `map … transpose` exchanges its last two axes, `transpose [3, 2, 0, 1]` puts them in an order, and `reshape` takes the same elements in the same order in another shape. ' +
      'A parameter takes F32, F16, BF16 and F64 (which must be in the range of f32), an i32 state I32 and I64 (in the range of i32), a bool state BOOL.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 2] {\n  return x |> fc: Linear(2)\n}\nload M from "base.safetensors"',
  },
  NN0504: {
    title: 'Tensor that nothing takes',
    explanation:
      'Every tensor of the file goes to a parameter or is named by `unused "pattern"`, so that no value is left out by mistake. ' +
      'Optimizer memory in files of `nnc train` is passed over.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1, bias = false)\n}\nload M from "base.safetensors"',
  },
  NN0505: {
    title: 'Nothing unused',
    explanation:
      'The pattern of `unused` matches no tensor that is left over in the file. Leave the line out, or mend the pattern.',
    example:
      'model M(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1)\n}\nload M from "base.safetensors" {\n  unused "head.*"\n}',
  },
} as const satisfies Record<string, CatalogueEntry>
