import { mix } from './mix.ts'

/**
 * The order of `rows` rows in an epoch: Fisher and Yates's shuffle (Durstenfeld 1964) whose i-th draw is the finaliser of
 * MurmurHash3 (Appleby 2011) over seed, epoch and i. A pure function, so that a run resumed at any epoch goes on with
 * the same batches. Draws are scaled by multiplication; the bias is below rows / 2³².
 */
export function shuffledOrder(rows: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, row) => row)
  const key = mix(mix(seed) + epoch)
  for (let i = rows - 1; i > 0; i--) {
    const other = Math.floor((mix(key ^ i) / 2 ** 32) * (i + 1))
    const row = order[i]!
    order[i] = order[other]!
    order[other] = row
  }
  return order
}

/**
 * The order in which row b of each batch follows row b of the batch before: the rows are cut into `batch` streams of the
 * same length, of which each batch takes the next row. Rows that fill no more step of all streams are left out.
 */
export function streamOrder(rows: number, batch: number): Uint32Array {
  const steps = Math.floor(rows / batch)
  return Uint32Array.from({ length: steps * batch }, (_, at) => (at % batch) * steps + Math.floor(at / batch))
}
