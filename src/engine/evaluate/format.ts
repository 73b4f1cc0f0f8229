/** Numbers as people read them: three significant digits, units always. */
import { scaled } from '../../contract/format'
import { isShare } from '../../contract/points'

const digits = (value: number, count = 3): string => {
  if (!Number.isFinite(value)) return '–'
  const text = Number(value.toPrecision(count))
  return Math.abs(text) >= 1e6 || (text !== 0 && Math.abs(text) < 1e-4) ? text.toExponential() : String(text)
}

export const formatNumber = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) >= 1000 ? value.toLocaleString('en-US') : digits(value)

export { formatBytes } from '../../contract/format'

const UNKNOWN = 'unknown'

/** Parameters, MACs. */
export function formatCount(count: number | null): string {
  if (count === null) return UNKNOWN
  const { value, unit } = scaled(count, ['', 'k', 'M', 'G', 'T'])
  return `${digits(value)} ${unit}`.trim()
}

export function formatMs(ms: number): string {
  if (ms < 1) return `${digits(ms * 1000)} µs`
  return ms < 1000 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`
}

export function formatMicrojoules(value: number | null): string {
  if (value === null) return UNKNOWN
  if (value < 1) return `${digits(value * 1000)} nJ`
  return value < 1000 ? `${digits(value)} µJ` : `${digits(value / 1000)} mJ`
}

const NAMES: Readonly<Record<string, string>> = {
  accuracy: 'Accuracy',
  top5: 'Top-5 accuracy',
  f1: 'F1',
  map: 'Mean average precision',
  miou: 'Mean IoU',
  r2: 'R²',
  mae: 'Mean absolute error',
  rmse: 'Root mean square error',
  perplexity: 'Perplexity',
  loss: 'Loss',
  tokens: 'Tokens',
  cosine: 'Cosine to the original',
  sqnr: 'Signal to noise',
  agreement: 'Same answers as the original',
  maxAbsoluteError: 'Largest difference',
  retrievalAgreement: 'Same nearest neighbour',
  retrievalAccuracy: 'Nearest neighbour of the same class',
}

export const metricName = (metric: string): string => NAMES[metric] ?? metric

/** "99.4%", "0.998", "12.3 dB". */
export function formatMetric(metric: string, value: number): string {
  if (metric === 'r2' || metric === 'cosine') return String(Number(value.toFixed(4)))
  if (isShare(metric)) return `${Number((value * 100).toFixed(2))}%`
  if (metric === 'sqnr') return `${digits(value)} dB`
  return formatNumber(value)
}
