/** Charts of the report page as inline SVG. Every chart stands beside a table or labels with its numbers. */
import { threeDigits } from '../../../contract/format'
import { escape } from './parts'

export interface Bar {
  label: string
  value: number
  /** The number as people read it. */
  text: string
  kind: Kind
}

/** Whose it is: the colour that the window has for the same model. */
export type Kind = 'original' | 'c1' | 'c2' | 'c3'

/** Of a candidate, by its colour in the window or, where it was in none, by its place in the report. */
export const kindOf = (slot: number): Kind => (['c1', 'c2', 'c3'] as const)[slot] ?? 'c3'

const LABEL = 168
const WIDTH = 720
const ROW = 28

/** Horizontal bars from zero, label left, number right. */
export function bars(title: string, items: readonly Bar[]): string {
  const most = Math.max(...items.map(({ value }) => value), Number.MIN_VALUE)
  const room = WIDTH - LABEL - 112
  const rows = items.map(({ label, value, text, kind }, i) => {
    // A bar without a label of its own belongs to the one above.
    const y = i * ROW - (label ? 0 : 6)
    const width = Math.max(2, (value / most) * room)
    return `<text class="label" x="${LABEL - 12}" y="${y + 18}">${escape(shortened(label))}</text>
<rect class="${kind}" x="${LABEL}" y="${y + 6}" width="${width.toFixed(1)}" height="16" rx="3"/>
<text class="number" x="${(LABEL + width + 8).toFixed(1)}" y="${y + 18}">${escape(text)}</text>`
  })
  return `<figure><figcaption>${escape(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${items.length * ROW}" role="img" aria-label="${escape(title)}">${rows.join('\n')}</svg></figure>`
}

const shortened = (label: string, most = 21): string =>
  label.length <= most ? label : `${label.slice(0, most / 2 - 1)}…${label.slice(-(most / 2))}`

/** A confusion matrix: the deeper a square, the larger the share of its row. */
export function confusion(
  title: string,
  counts: readonly (readonly number[])[],
  classes: readonly string[],
  of: Kind,
): string {
  const n = counts.length
  const size = Math.min(36, Math.floor(400 / n))
  const left = 96
  const top = 24
  const numbers = size >= 22
  const squares = counts.flatMap((row, truth) => {
    const sum = row.reduce((a, b) => a + b, 0) || 1
    return row.map((count, answer) => {
      const share = count / sum
      const kind = truth === answer ? 'right' : 'wrong'
      const [x, y] = [left + answer * size, top + truth * size]
      const name = `${classes[truth] ?? truth} taken for ${classes[answer] ?? answer}: ${count}`
      const shade = count === 0 ? 0 : 0.12 + 0.88 * share
      const text =
        numbers && count > 0
          ? `<text class="count${share > 0.55 ? ' light' : ''}" x="${x + size / 2}" y="${y + size / 2 + 4}">${count}</text>`
          : ''
      return `<g><title>${escape(name)}</title><rect class="cell" x="${x}" y="${y}" width="${size - 1}" height="${size - 1}"/><rect class="${kind}" x="${x}" y="${y}" width="${size - 1}" height="${size - 1}" fill-opacity="${shade.toFixed(3)}"/>${text}</g>`
    })
  })
  const names =
    size >= 12
      ? counts.map((_, i) => {
          const name = escape(shortened(classes[i] ?? String(i), 11))
          return `<text class="label" x="${left - 8}" y="${top + i * size + size / 2 + 4}">${name}</text>`
        })
      : []
  // Room for the words over a small matrix.
  const width = Math.max(left + n * size, 280)
  return `<figure><figcaption>${escape(title)}</figcaption><svg class="confusion ${of}" viewBox="0 0 ${width} ${top + n * size}" style="max-width:${width}px" role="img" aria-label="${escape(title)}"><text class="axis" x="${left}" y="14">answered →  ·  rows: truth</text>${squares.join('')}${names.join('')}</svg></figure>`
}

/** A line over epochs. */
export function curve(
  title: string,
  points: readonly { epoch: number; loss: number; quality?: number }[],
): string {
  const [width, height, pad] = [720, 160, 36]
  const last = points[points.length - 1]
  const first = points[0]
  if (!first || !last || points.length < 2) return ''
  const losses = points.map(({ loss }) => loss)
  const [low, high] = [Math.min(...losses), Math.max(...losses)]
  const x = (epoch: number): number =>
    pad + ((epoch - first.epoch) / (last.epoch - first.epoch || 1)) * (width - 2 * pad)
  const y = (loss: number): number => height - 28 - ((loss - low) / (high - low || 1)) * (height - 48)
  const d = points
    .map(({ epoch, loss }, i) => `${i ? 'L' : 'M'}${x(epoch).toFixed(1)} ${y(loss).toFixed(1)}`)
    .join('')
  const label = (value: number): string => threeDigits(value)
  return `<figure><figcaption>${escape(title)}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}"><path class="axisline" d="M${pad} ${height - 28}H${width - pad}"/><path class="line" d="${d}"/><text class="axis" x="${pad}" y="${y(first.loss) - 8}">${label(first.loss)}</text><text class="axis end" x="${width - pad}" y="${y(last.loss) - 8}">${label(last.loss)}</text><text class="axis" x="${pad}" y="${height - 8}">epoch ${first.epoch}</text><text class="axis end" x="${width - pad}" y="${height - 8}">epoch ${last.epoch}</text></svg></figure>`
}
