/** Fitted numbers as the round ones that the labels do not tell them from: units that people choose are round. */
import type { Preprocessing } from '../../contract/dataset'

/**
 * What noise gains in nats when so many numbers are fitted: twice that is distributed as χ² with a degree of freedom for
 * each, here two deviations above its mean.
 */
export const noise = (numbers: number): number => (numbers + 2 * Math.sqrt(2 * numbers)) / 2

const DIGITS = [1, 2, 3]

/** The two numbers of so many digits that a value lies between. */
function neighbours(value: number, digits: number): number[] {
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - digits + 1)
  return [Math.floor(value / unit), Math.ceil(value / unit)].map((count) =>
    Number((count * unit).toPrecision(DIGITS.length)),
  )
}

/** Zero, which no deviation is, then more and more digits. */
const roundings = (value: number, field: 'std' | 'mean'): number[][] => [
  ...(field === 'mean' ? [[0]] : []),
  ...(value === 0 ? [] : DIGITS.map((digits) => neighbours(value, digits))),
]

/** `nats`: what all samples together hold against a way to read them. Deviations first, as means hang on them. */
export async function snapped(
  fitted: Preprocessing,
  nats: (preprocessing: Preprocessing) => Promise<number>,
): Promise<Preprocessing> {
  if (fitted.kind !== 'image' && fitted.kind !== 'array') return fitted
  const least = await nats(fitted)
  let best = fitted
  let count = 0
  for (const field of ['std', 'mean'] as const)
    for (const [c, value] of fitted[field].entries())
      for (const candidates of roundings(value, field)) {
        const ways: { way: typeof best; held: number }[] = []
        for (const round of candidates) {
          const way = { ...best, [field]: best[field].map((one, i) => (i === c ? round : one)) }
          ways.push({ way, held: await nats(way) })
        }
        const first = ways.reduce((a, b) => (b.held < a.held ? b : a))
        if (!(first.held <= least + noise(count + 1))) continue
        best = first.way
        count++
        break
      }
  return best
}
