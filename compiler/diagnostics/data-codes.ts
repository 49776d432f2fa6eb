import type { CatalogueEntry } from './catalogue.ts'

/** Mistakes in `data` blocks and in the files they read. */
export const dataCodes = {
  NN0401: {
    title: 'Unknown kind of source',
    explanation:
      'A `source`, `valid` or `test` statement reads files with one of `csv("table.csv")`, `json("records.json")`, `idx("images", "labels")`, `text("book.txt")` and ' +
      '`documents("letters/*.txt")`. ' +
      'Paths are relative to the `.nn` file; `npm:package/path` reads from an installed package.',
    example: 'data d {\n  source parquet("rows.parquet")\n}',
  },
  NN0402: {
    title: 'Wrong arguments of a source',
    explanation:
      '`csv` takes the path of one file with a header row; `json` the path of one file with a list of records; `idx` takes the path of the images (or other tensors) and of the labels; ' +
      '`text` and `documents` take any number of paths, in which `*` and `?` stand for any characters.',
    example: 'data d {\n  source csv("rows.csv", "more.csv")\n}',
  },
  NN0403: {
    title: 'Not exactly one source',
    explanation:
      'A `data` block has one `source`, from which training rows come, and at most one `valid` and one `test` source beside it.',
    example: 'data d {\n  source csv("a.csv")\n  source csv("b.csv")\n}',
  },
  NN0404: {
    title: 'Field given twice',
    explanation: 'Each field of a `data` block is assigned once, and one `split` is enough.',
    example: 'data d {\n  source csv("a.csv")\n  x = [a]\n  x = [b]\n}',
  },
  NN0405: {
    title: 'Not an expression of a data block',
    explanation:
      'Fields are computed row by row: numbers, columns (`column("two words")` where the name is no word of the language), ' +
      '`+ - * / % ^`, comparisons, `and`, `or`, `not`, `[a, b]` to stack, and `standardize`, `minmax_scale`, `robust_scale`, ' +
      '`clip`, `clip_quantiles`, `fill`, `missing`, `category`, `one_hot`, `abs`, `exp`, `log` and `sqrt`; of text, `characters`, ' +
      '`words`, `window`, `matches`, `extract` and `time`, whose further arguments are settings: numbers, constants of the file, texts in quotes.',
    example: 'data d {\n  source csv("a.csv")\n  x = softmax([a, b])\n}',
  },
  NN0406: {
    title: 'Unknown column',
    explanation:
      'The name is neither a column of the file nor an earlier field. `csv` columns are named by the header row; `idx` has `pixels` and `label`, ' +
      '`text` has `text`, `documents` has `text`, `file` and `folder`.',
    example: 'data d {\n  source idx("images", "labels")\n  x = pixel / 255.0\n}',
  },
  NN0407: {
    title: 'A split that does not add up',
    explanation:
      'The parts of a `split` are `train` and, each at most once, `valid` and `test`; their percentages are positive and sum to 100. ' +
      'A part that has its own source cannot be split off as well. A split `in order` is not shuffled and has no seed. ' +
      'One text is cut `in order`; what rows go `in order of` is one number per row.',
    example: 'data d {\n  source csv("a.csv")\n  split train 90%, valid 20%\n}',
  },
  NN0408: {
    title: 'Data file not found',
    explanation:
      'The file a `data` or `load` block names does not exist or cannot be read. Paths are relative to the folder of the `.nn` file; ' +
      '`npm:package/path` is looked for in `node_modules` of that folder and of the folders above it.',
    example: 'data d {\n  source csv("no-such-file.csv")\n}',
  },
  NN0409: {
    title: 'Not an IDX file',
    explanation:
      'An IDX file begins with two zero bytes, the type of its numbers and its rank, then the size of each axis (32 bits, big-endian) ' +
      'and exactly that many numbers. Gzip is recognised by itself.',
    example: 'data d {\n  source idx("notes.txt", "labels.idx1-ubyte")\n}',
  },
  NN0410: {
    title: 'Malformed CSV',
    explanation: 'The first row names the columns, each name once, and every row has as many cells.',
    example: 'data d {\n  source csv("three-columns-then-two.csv")\n}',
  },
  NN0411: {
    title: 'Missing value or not a number',
    explanation:
      'A cell of a used column is empty (or `NA`, `NaN`, `null`), holds text where a number is needed, or a field is infinite there. ' +
      '`drop missing` leaves such rows out, and `fill(age, median)` fills them. Rows are counted as a spreadsheet does, the header being row 1.',
    example: 'data d {\n  source csv("with-gaps.csv")\n  x = [age, height]\n}',
  },
  NN0412: {
    title: 'Columns that do not fit together',
    explanation:
      'Arithmetic needs numbers of one shape (a single number goes with any shape); stacked columns have one shape; ' +
      '`category` takes one value per row, `window` a sequence of tokens. Windows of several inputs begin at the same tokens, and all inputs ' +
      'of a train block are windows or none is.',
    example: 'data d {\n  source idx("images", "labels")\n  x = [pixels, label]\n}',
  },
  NN0413: {
    title: 'A category not seen in training',
    explanation:
      '`category` and `one_hot` number the values of the `source`, in sorted order. A value that appears only elsewhere has no number.',
    example:
      'data d {\n  source csv("train.csv")\n  test csv("test-with-a-new-species.csv")\n  label = category(species)\n}',
  },
  NN0414: {
    title: 'Nothing to feed an input with',
    explanation: 'Every input of a `train` block is fed by the field or column of the same name in its `data` block.',
    example:
      'data d {\n  source csv("a.csv")\n}\ntrain fit(x: f32[Batch, 2]) on d {\n  loss mean(x)\n  optimizer sgd(0.1)\n}',
  },
  NN0415: {
    title: 'A field that does not fit its input',
    explanation:
      'The shape of one row of the field is the shape of the input without its batch dimension, and an `i32` input takes whole numbers.',
    example:
      'data d {\n  source csv("a.csv")\n  x = [a, b, c]\n}\ntrain fit(x: f32[Batch, 2]) on d {\n  loss mean(x)\n  optimizer sgd(0.1)\n}',
  },
  NN0416: {
    title: 'A part without rows',
    explanation:
      'The file has no rows, a `where` or `drop` leaves none of them, or there are too few for every part of the `split` to get at least one.',
    example: 'data d {\n  source csv("two-rows.csv")\n  split train 90%, valid 10%\n}',
  },
  NN0417: {
    title: 'Rows chosen by what is learned from them',
    explanation:
      '`where` and `drop` decide which rows there are; only then is anything learned from the training rows (means, categories). ' +
      'They can use the columns of the file and fields that learn nothing.',
    example: 'data d {\n  source csv("a.csv")\n  x = standardize([a, b])\n  where standardize(a) < 3.0\n}',
  },
  NN0418: {
    title: 'Malformed JSON records',
    explanation:
      'The file holds a list of objects, one for each row, or an object on each line. A name that is absent, or is `null`, has no value in that row; ' +
      'what is within an object has both names, `column("address.city")`; the values of a column that is used are all text, or all numbers, or all lists of ' +
      'numbers of one shape.',
    example: 'data d {\n  source json("an-object-instead-of-a-list.json")\n}',
  },
  NN0419: {
    title: 'A class or id the model does not have',
    explanation:
      'An input of classes or ids, such as the label of `cross_entropy` or what `Embedding` looks up, is counted from 0 and lies below the number of ' +
      'classes the model has, and a row of the data does not. `category(…)` numbers the values there are from 0.',
    example: 'data d {\n  source csv("labels-1-to-100-for-100-classes.csv")\n  label = class\n}',
  },
} as const satisfies Record<string, CatalogueEntry>
