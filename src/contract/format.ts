/** Sizes and counts as every sentence and table writes them. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A value in the largest of the decimal units in which three digits of it stay below a thousand. */
function scaled(value: number, units: readonly string[]): { value: number; unit: string } {
  let power = 0
  // 999.6 would be written 1000 of the smaller unit.
  while (power < units.length - 1 && Math.abs(value) >= 999.5) {
    value /= 1000
    power++
  }
  return { value, unit: units[power]! }
}

/** Three significant digits without an exponent for what people read: "0.0123". */
export const threeDigits = (value: number): string => String(Number(value.toPrecision(3)))

/** Points, per cent and their like: two decimals, from ten on three digits; no zeros at the end. */
export const formatFigure = (value: number): string =>
  Math.abs(value) < 10 ? String(Number(value.toFixed(2)) || 0) : threeDigits(value)

/** "1 point", "0.62 points": by the figure as it reads. */
export function formatPoints(amount: number): string {
  const figure = formatFigure(amount)
  return `${figure} ${Math.abs(Number(figure)) === 1 ? 'point' : 'points'}`
}

/** The ends of an interval, to two digits of its width: more of them is noise. What is not nothing does not read so. */
export function formatEnds([low, high]: readonly [number, number], most = 2): [string, string] {
  const digits = high > low ? Math.max(0, Math.min(most, 1 - Math.floor(Math.log10(high - low)))) : most
  const text = (end: number): string => {
    const rounded = Number(end.toFixed(digits))
    return String((rounded === 0 ? Number(end.toFixed(most)) : rounded) || 0)
  }
  return [text(low), text(high)]
}

/** "1 pass", "1,797 passes". */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`

/** Three significant digits in decimal units, as files and downloads are sold: "1.73 MB". */
export function formatBytes(bytes: number): string {
  const { value, unit } = scaled(bytes, BYTE_UNITS)
  return `${threeDigits(value)} ${unit}`
}

/** The last part of a path of any system. */
export const baseName = (path: string): string => path.split(/[\\/]/).filter(Boolean).pop() ?? path

/** Items in a sentence, those beyond `most` counted. */
export const list = (items: readonly string[], most = 12): string =>
  items.length <= most
    ? items.join(', ')
    : `${items.slice(0, most).join(', ')} and ${items.length - most} more`

/** Parameters, multiply-adds: "25.6 k", "1.23 M"; null is what could not be counted. */
export function formatCount(count: number | null): string {
  if (count === null) return 'unknown'
  const { value, unit } = scaled(count, ['', 'k', 'M', 'G', 'T'])
  return `${threeDigits(value)} ${unit}`.trim()
}

export function formatMilliseconds(ms: number): string {
  if (ms === 0) return '0'
  if (ms < 1) return `${threeDigits(ms * 1000)} µs`
  return ms < 1000 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1000)} s`
}

export function formatMicrojoules(value: number | null): string {
  if (value === null) return 'unknown'
  if (value < 1) return `${threeDigits(value * 1000)} nJ`
  if (value < 1000) return `${threeDigits(value)} µJ`
  return value < 1e6 ? `${threeDigits(value / 1000)} mJ` : `${threeDigits(value / 1e6)} J`
}

/** How many times: "2.38×". */
export const formatTimes = (ratio: number): string => `${threeDigits(ratio)}×`

/** What is not all of it never reads as all: "99%", "97.78%", ">99.99%". */
export function formatShare(share: number): string {
  if (share > 0.9999 && share < 1) return '>99.99%'
  return `${Number((share * 100).toFixed(2))}%`
}
