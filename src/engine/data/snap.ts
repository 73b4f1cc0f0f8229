/** Fitted numbers as the round ones that the labels do not tell them from: units that people choose are round. */
import type { Preprocessing } from '../../contract/dataset'
import { spreadOf, withSpread } from './spread'

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

/** One number of a preprocessing. */
interface Place {
  value: number
  /** Zero is a value like others. */
  mayBeZero: boolean
  put(to: Preprocessing, value: number): Preprocessing
}

/** Deviations before means, which hang on them; of sounds the gain. */
function placesOf(fitted: Preprocessing): Place[] {
  const spread = spreadOf(fitted)
  if (fitted.kind === 'audio' && !spread)
    return [
      { value: fitted.scale, mayBeZero: false, put: (to, scale) => ({ ...to, scale }) as Preprocessing },
    ]
  if (!spread) return []
  return (['std', 'mean'] as const).flatMap((field) =>
    spread[field].map((value, c) => ({
      value,
      mayBeZero: field === 'mean',
      put: (to, round) => {
        const before = spreadOf(to)!
        return withSpread(to, { ...before, [field]: before[field].map((one, i) => (i === c ? round : one)) })
      },
    })),
  )
}

/** More and more digits. */
const roundings = ({ value, mayBeZero }: Place): number[][] => [
  ...(mayBeZero ? [[0]] : []),
  ...(value === 0 ? [] : DIGITS.map((digits) => neighbours(value, digits))),
]

/** `nats`: what all samples together hold against a way to read them. */
export async function snapped(
  fitted: Preprocessing,
  nats: (preprocessing: Preprocessing) => Promise<number>,
): Promise<Preprocessing> {
  const places = placesOf(fitted)
  if (places.length === 0) return fitted
  const least = await nats(fitted)
  let best = fitted
  let count = 0
  for (const place of places)
    for (const candidates of roundings(place)) {
      const ways: { way: Preprocessing; held: number }[] = []
      for (const round of candidates) {
        const way = place.put(best, round)
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
