/** Sizes and counts as every sentence and table writes them. */

export const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A value in the largest of the decimal units in which three digits of it stay below a thousand. */
export function scaled(value: number, units: readonly string[]): { value: number; unit: string } {
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
