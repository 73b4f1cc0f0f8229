/** Numbers as people read them: three significant digits, units always, a true minus sign. */
import {
  formatBytes,
  formatCount,
  formatPoints,
  formatMicrojoules,
  formatMilliseconds,
  formatShare,
  formatTimes,
} from '../../contract/format'

const MINUS = '\u2212'
const NARROW = '\u202f'

const signed = (text: string): string => text.replace('-', MINUS)

/** The figures of every sentence and table, set as the window sets them: a true minus, a narrow space before the unit. */
export const typeset = (text: string): string => signed(text).replace(/(?<=\d) /g, NARROW)

/** Three significant digits without an exponent: 1234 → '1,230', 0.01234 → '0.0123'. */
export function three(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'no number' : value > 0 ? '∞' : `${MINUS}∞`
  return signed(new Intl.NumberFormat('en', { maximumSignificantDigits: 3, useGrouping: true }).format(value))
}

export const bytes = (value: number): string => typeset(formatBytes(value))

/** Counts of parameters, MACs and the like: '61.7 k', '1.23 M'. */
export const count = (value: number | null): string => typeset(formatCount(value))

/** Whole things, every digit: '1,797'. */
export const whole = (value: number): string => new Intl.NumberFormat('en').format(value)

export const milliseconds = (value: number): string => typeset(formatMilliseconds(value))

export const microjoules = (value: number | null): string => typeset(formatMicrojoules(value))

/** A share as per cent: 0.978 → '97.8%'. */
export const percent = (share: number): string => typeset(formatShare(share))

/** A share of a whole in a small column: '41%', '<1%'. */
export function share(part: number): string {
  if (part > 0 && part < 0.01) return '<1%'
  return `${Math.round(part * 100)}%`
}

/** Change in points of a fraction: 0.978 − 0.976 → '−0.2 points'. */
export function points(difference: number): string {
  const text = formatPoints(Math.abs(difference) * 100)
  return `${text === '0 points' ? '±' : difference > 0 ? '+' : MINUS}${text}`
}

/** How many times smaller or faster: '11.8×'. */
export const times = formatTimes

export const decibel = (value: number): string => `${three(Math.round(value * 10) / 10)}${NARROW}dB`

export function duration(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds))
  if (seconds < 1) return 'under 1 s'
  if (rounded < 60) return `${rounded} s`
  const minutes = Math.floor(rounded / 60)
  if (minutes < 60) return `${minutes} min${rounded % 60 ? ` ${rounded % 60} s` : ''}`
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`
}

/** A time that is only estimated, never more exact than that. */
export function roughly(seconds: number): string {
  if (seconds < 10) return 'a few seconds'
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10}\u00a0s`
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)}\u00a0min`
  return `about ${three(Math.round(seconds / 360) / 10)}\u00a0h`
}

/** What is left, never more exact than it is known. */
export function left(seconds: number): string {
  if (seconds < 5) return 'a few seconds left'
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min left`
  return `about ${three(Math.round(seconds / 360) / 10)} h left`
}

/** Shape of a tensor: '1 × 28 × 28', dynamic sizes by their name. */
export const shape = (dims: readonly (number | string | null)[]): string =>
  dims.length ? dims.map((dim) => dim ?? 'any').join(`${NARROW}×${NARROW}`) : 'scalar'

export function when(iso: string, now = Date.now()): string {
  const age = (now - Date.parse(iso)) / 1000
  if (age < 60) return 'just now'
  if (age < 3600) return `${Math.floor(age / 60)} min ago`
  if (age < 86400) return `${Math.floor(age / 3600)} h ago`
  return new Date(iso).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' })
}
