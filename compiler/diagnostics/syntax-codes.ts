import type { CatalogueEntry } from './catalogue.ts'

/** What can be wrong with the text of a file before any name has a meaning. */
export const syntaxCodes = {
  NN0101: {
    title: 'Something else was expected here',
    explanation:
      'The text up to here is right, but what follows cannot. The message says what may stand in this place; the mistake itself is sometimes a little before it, often a missing comma, bracket or operator.',
    example: 'fn f(x: f32[B], y: f32[B]) -> f32[B] {\n  return max(x y)\n}',
  },
  NN0102: {
    title: 'A bracket is never closed',
    explanation:
      'The underlined `(`, `[` or `{` has no partner before something that cannot stand inside it. The second mark shows where the closing bracket was expected at the latest.',
    example: 'model Twice(x: f32[B, 2]) -> f32[B, 2] {\n  return x * 2.0',
  },
  NN0103: {
    title: 'A closing bracket too many',
    explanation: 'There is no open bracket that this one could close. Remove it, or add the opening one.',
    example: 'fn f(x: f32[B]) -> f32[B] {\n  return x + 1.0)\n}',
  },
  NN0104: {
    title: 'Not a declaration',
    explanation:
      'At the outermost level a file holds declarations only: `import`, `dim`, `const`, `hyper`, `fn`, `layer`, `model`, `optimizer`, `initializer`, `train`, `infer`, `data` and `load`.',
    example: 'modle Xor(x: f32[B, 2]) -> f32[B, 1] {\n  return x |> Linear(1)\n}',
  },
  NN0105: {
    title: 'Not a statement',
    explanation:
      'Every statement begins with its keyword. A new value is named with `let`, a `state` or `param` is changed with `update`; a block that runs only sometimes begins with `when`.',
    example: 'fn f(x: f32[B]) -> f32[B] {\n  y = x + 1.0\n  return y\n}',
  },
  NN0106: {
    title: 'A character outside the language',
    explanation:
      'Names are of the letters a to z, digits and `_`; any other character may stand only in comments and in texts between quotes.',
    example: 'fn f(x: f32[B]) -> f32[B] {\n  return x + 1.0;\n}',
  },
  NN0107: {
    title: 'A text is not closed',
    explanation: 'A text begins with a double quote and ends with one on the same line. Single quotes are not used.',
    example: 'data table {\n  source csv("table.csv)\n}',
  },
  NN0108: {
    title: 'Unknown escape',
    explanation: 'After a backslash in a text may stand `"`, `\\`, `n` (line end) or `t` (tab).',
    example: 'data table {\n  source csv("data\\iris.csv")\n}',
  },
  NN0109: {
    title: 'A comment of another language',
    explanation: 'Comments run from `//` to the end of the line; those from `///` document the declaration below them.',
    example: '/* twice two */\nconst Size = 4',
  },
  NN0110: {
    title: 'Not a number',
    explanation:
      'Numbers look like `12`, `0.5`, `1e-3` or `60_000`: digits on both sides of a point, `_` only between digits. A name cannot begin with a digit.',
    example: 'const Width = 3x',
  },
  NN0111: {
    title: 'A number out of range',
    explanation:
      'Numbers are 32-bit floating point, 1.4e-45 to 3.4e38 either side of zero; whole numbers are exact up to 9007199254740991.',
    example: 'const Huge = 1e99',
  },
  NN0112: {
    title: 'The file is too long',
    explanation: 'A source file may have 250,000 characters. Move parts of it to other files and `import` them.',
    example: '',
  },
  NN0113: {
    title: 'Nested too deep',
    explanation:
      'Brackets, blocks and `if` expressions may stand inside one another 100 deep. Name inner parts with `let`, or move them to a `fn`.',
    example: `fn f(x: f32) -> f32 {\n  return ${'('.repeat(100)}x${')'.repeat(100)}\n}`,
  },
  NN0114: {
    title: 'An expression is too long',
    explanation:
      'An expression may have 500 operations above one another: terms of a sum, stages of a pipeline, signs in a row. Name parts of it with `let`.',
    example: `fn f(x: f32) -> f32 {\n  return x${' + x'.repeat(501)}\n}`,
  },
  NN0115: {
    title: 'Comparisons do not chain',
    explanation: '`a < b < c` has no meaning here. Write `a < b and b < c`.',
    example: 'fn f(x: f32[B]) -> f32[B] {\n  return if 0.0 < x < 1.0 then x else 0.0\n}',
  },
  NN0116: {
    title: 'No such type',
    explanation:
      'Tensors are of `f32`, `i32` or `bool`, with the shape in brackets; values known when compiled are `int`, `float` or `string`, without a shape.',
    example: 'fn f(x: float32[B]) -> f32[B] {\n  return x\n}',
  },
  NN0117: {
    title: 'A word of the language as a name',
    explanation:
      'The words `import dim const hyper fn layer model infer let param state use update return when yield if then else and or not true false` cannot be names. All others can, even those with a meaning in some place, such as `loss`, `batch` or `data`.',
    example: 'fn f(state: f32[B]) -> f32[B] {\n  return state\n}',
  },
  NN0118: {
    title: 'A data source without a reader',
    explanation:
      'After `source`, `valid` and `test` stands the reader with its files, as in `source csv("table.csv")`.',
    example: 'data table {\n  source "table.csv"\n}',
  },
  NN0119: {
    title: 'New indices must be names',
    explanation:
      'Brackets on the left of `=` introduce the indices of the new tensor: plain names, or `...` for leading dimensions. Arithmetic on indices belongs to the right.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y[i + 1] = x[i]\n  return y\n}',
  },
  NN0120: {
    title: '`not` needs parentheses',
    explanation: '`not` binds more loosely than comparison and arithmetic. As an operand of those write `(not x)`.',
    example: 'fn f(x: bool[B], y: bool[B]) -> bool[B] {\n  return x == not y\n}',
  },
  NN0121: {
    title: 'A reduction takes one expression',
    explanation:
      'With indices in brackets, `sum`, `mean`, `max`, `min` and `prod` reduce the one expression in parentheses over them.',
    example: 'fn f(x: f32[N], y: f32[N]) -> f32 {\n  return sum[i](x[i], y[i])\n}',
  },
  NN0122: {
    title: '`if` without `else`',
    explanation:
      '`if … then … else …` is a value and needs both cases. Statements that run only sometimes stand in `when … { … }`.',
    example: 'fn f(x: f32[B]) -> f32[B] {\n  return if x > 0.0 then x\n}',
  },
  NN0123: {
    title: 'An expression is missing',
    explanation:
      'A value was expected: a name, a number, a call, or something in brackets. Often an operand has been left out.',
    example: 'fn f(x: f32[B]) -> f32[B] {\n  let y =\n  return x + \n}',
  },
} as const satisfies Record<string, CatalogueEntry>
