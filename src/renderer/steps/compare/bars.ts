/** Bars of original and candidates for one question: from zero, on a scale that holds every whisker and the limit. */
import type { ChartConfiguration, Plugin } from 'chart.js'
import { candidateColour, type Palette } from '../../ui/charts'

export interface BarRow {
  name: string
  /** Of a candidate on show; the original has none. */
  slot?: number
  value: number
  interval?: readonly [low: number, high: number]
}

interface Question {
  rows: readonly BarRow[]
  text: (value: number) => string
  limit?: number
  /** Bars to both sides of zero: differences. */
  difference?: boolean
}

/** Ends of the axis: zero is always on it, and nothing that is drawn lies beyond. */
export function scaleOf({ rows, limit, difference }: Omit<Question, 'text'>): { min: number; max: number } {
  const all = rows.flatMap(({ value, interval }) => [value, ...(interval ?? [])]).concat(limit ?? [])
  const found = all.filter(Number.isFinite)
  const [low, high] = [Math.min(0, ...found), Math.max(0, ...found)]
  const room = 0.06 * (high - low || 1)
  return { min: low < 0 || difference ? low - room : 0, max: high > 0 || !difference ? high + room : room }
}

const colourOf = (palette: Palette, slot: number | undefined): string =>
  slot === undefined ? palette.original : candidateColour(palette, slot)

/** The interval of each bar, over it, with ends; of a difference also where it stands, as none has no bar. */
const whiskers = ({ rows, difference }: Question, palette: Palette): Plugin<'bar'> => ({
  id: 'whiskers',
  afterDatasetsDraw(chart) {
    const { ctx } = chart
    const axis = chart.scales.x!
    ctx.save()
    ctx.strokeStyle = palette.text
    ctx.lineWidth = 1.5
    chart.getDatasetMeta(0).data.forEach(({ y }, at) => {
      const row = rows[at]!
      if (difference) {
        ctx.fillStyle = colourOf(palette, row.slot)
        ctx.beginPath()
        ctx.arc(axis.getPixelForValue(row.value), y, 6, 0, 2 * Math.PI)
        ctx.fill()
      }
      if (!row.interval) return
      const [from, to] = row.interval.map((end) => axis.getPixelForValue(end)) as [number, number]
      ctx.beginPath()
      ctx.moveTo(from, y)
      ctx.lineTo(to, y)
      for (const end of [from, to]) {
        ctx.moveTo(end, y - 5)
        ctx.lineTo(end, y + 5)
      }
      ctx.stroke()
    })
    ctx.restore()
  },
})

export const barsOf =
  (question: Question) =>
  (palette: Palette): ChartConfiguration<'bar'> => {
    const { rows, text, limit } = question
    return {
      type: 'bar',
      data: {
        labels: rows.map(({ name }) => (name.length > 22 ? `${name.slice(0, 21)}…` : name)),
        datasets: [
          {
            data: rows.map(({ value }) => value),
            backgroundColor: rows.map(({ slot }) => colourOf(palette, slot)),
            borderRadius: 3,
            maxBarThickness: 18,
          },
        ],
      },
      options: {
        indexAxis: 'y',
        scales: {
          x: {
            suggestedMin: scaleOf(question).min,
            suggestedMax: scaleOf(question).max,
            grid: {
              color: ({ tick }) => (tick?.value === 0 ? palette.muted : palette.line),
            },
            ticks: {
              callback: (value) => text(Number(value)),
              maxTicksLimit: 5,
              maxRotation: 0,
              autoSkipPadding: 16,
            },
          },
          y: { grid: { display: false }, ticks: { color: palette.text } },
        },
        plugins: {
          tooltip: {
            callbacks: {
              label: ({ dataIndex }) => {
                const { value, interval } = rows[dataIndex]!
                const range = interval ? ` (95%: ${interval.map(text).join(' to ')})` : ''
                return `${text(value)}${range}`
              },
            },
          },
          ...(limit !== undefined && {
            annotation: {
              annotations: {
                limit: {
                  type: 'line' as const,
                  xMin: limit,
                  xMax: limit,
                  borderColor: palette.warn,
                  borderDash: [5, 4],
                  borderWidth: 1.5,
                  label: {
                    display: true,
                    content: 'your limit',
                    position: 'end' as const,
                    color: palette.warn,
                    backgroundColor: palette.surface,
                  },
                },
              },
            },
          }),
        },
      },
      plugins: [whiskers(question, palette)],
    }
  }
