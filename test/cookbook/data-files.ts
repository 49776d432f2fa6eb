/** The data files the cookbook's recipes name, small and made from a seed. */
import { readFileSync } from 'node:fs'

/** Numbers from 0 to 1 (Park and Miller 1988). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

const csv = (header: string, rows: readonly (readonly (string | number)[])[]): string =>
  `${[header, ...rows.map((row) => row.join(','))].join('\n')}\n`

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

function houses(): string {
  const random = randomFrom(7)
  const row = (index: number) => {
    const area = Math.round(60 + 140 * random())
    const year = Math.round(1950 + 70 * random())
    const heating = ['gas', 'oil', 'pump'][index % 3]!
    const cost = Math.round(2000 * area + 1500 * (year - 1950) + (heating === 'pump' ? 40000 : 0))
    return [
      index % 17 === 3 ? '' : area,
      index % 5 === 1 ? '' : year,
      index % 7 === 2 ? '' : heating,
      index % 29 === 11 ? '' : cost,
    ]
  }
  return csv('area,year,heating,cost', times(240, row))
}

function parts(): string {
  const random = randomFrom(11)
  const row = (index: number) => {
    const fault = index % 40 === 7 ? 'torn' : index % 20 === 3 ? 'scratch' : 'fine'
    const length = 10 + random() - (fault === 'torn' ? 1.4 : 0)
    const gloss = 5 + random() - (fault === 'scratch' ? 1.2 : 0)
    return [length.toFixed(3), gloss.toFixed(3), (2 + random()).toFixed(3), fault]
  }
  return csv('length,gloss,weight,fault', times(600, row))
}

function reviews(): string {
  const random = randomFrom(13)
  const filler = ['the', 'book', 'was', 'a', 'story', 'of', 'ships', 'and', 'whales']
  const row = (index: number) => {
    const good = index % 2 === 0
    const words = times(2 + Math.floor(9 * random()), () => filler[Math.floor(filler.length * random())]!)
    words[Math.floor(words.length * random())] = good ? 'wonderful' : 'dreadful'
    return [words.join(' '), good ? 'good' : 'bad']
  }
  return csv('text,verdict', times(200, row))
}

/** What was sold in a month: more every year, most in summer. */
function sales(from: number, to: number): string {
  const random = randomFrom(19)
  const sold = times(to, (month) => 50 + month / 12 + 20 * Math.sin((month * Math.PI) / 6) + 4 * random())
  const rows = sold.map((value, month) => [month, value.toFixed(1)])
  return csv('month,sold', rows.slice(from))
}

function book(): string {
  const random = randomFrom(17)
  const nouns = ['ship', 'whale', 'harbour', 'captain']
  const verbs = ['sees', 'follows', 'fears', 'finds']
  const pick = (from: readonly string[]): string => from[Math.floor(from.length * random())]!
  return times(400, () => `the ${pick(nouns)} ${pick(verbs)} the ${pick(nouns)}. `).join('')
}

export const dataFiles: Readonly<Record<string, string>> = {
  'iris.csv': readFileSync(new URL('../../examples/iris/iris.csv', import.meta.url), 'utf8'),
  'houses.csv': houses(),
  'new-houses.csv': csv('area,year,heating', [
    [120, 1990, 'pump'],
    [80, '', 'oil'],
    ['', 2001, ''],
  ]),
  'parts.csv': parts(),
  'reviews.csv': reviews(),
  'sales.csv': sales(0, 300),
  'last-year.csv': sales(288, 300),
  'book.txt': book(),
}
