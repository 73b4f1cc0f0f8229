/** Chart.js as Pare uses it: the parts that are needed, colours from the tokens, quiet defaults, no animation. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  ScatterController,
  Tooltip,
} from 'chart.js'
import annotation from 'chartjs-plugin-annotation'
import { resolveColours } from './colours'

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  ScatterController,
  Tooltip,
  annotation,
)

const NAMES = {
  text: '--text',
  muted: '--text-muted',
  line: '--line',
  surface: '--surface-raised',
  accent: '--accent',
  original: '--original',
  compressed: '--compressed',
  compressedSoft: '--compressed-soft',
  candidate2: '--candidate-2',
  candidate3: '--candidate-3',
  good: '--good',
  goodSoft: '--good-soft',
  warn: '--warn',
  bad: '--bad',
} as const

export type Palette = Record<keyof typeof NAMES, string> & { font: string; size: number }

/** Of a candidate by its slot; one that is not on show has none of the three. */
export const candidateColour = (palette: Palette, slot: number | undefined): string =>
  slot === undefined ? palette.muted : [palette.compressed, palette.candidate2, palette.candidate3][slot]!

export function readPalette(): Palette {
  const body = getComputedStyle(document.body)
  return { ...resolveColours(NAMES), font: body.fontFamily, size: parseFloat(body.fontSize) * 0.9 }
}

export function applyPalette(palette: Palette): void {
  Chart.defaults.font.family = palette.font
  Chart.defaults.font.size = palette.size
  Chart.defaults.color = palette.muted
  Chart.defaults.borderColor = palette.line
  Chart.defaults.animation = false
  Chart.defaults.maintainAspectRatio = false
  Object.assign(Chart.defaults.plugins.tooltip, {
    backgroundColor: palette.surface,
    titleColor: palette.text,
    bodyColor: palette.text,
    borderColor: palette.line,
    borderWidth: 1,
    padding: 12,
    cornerRadius: 8,
    displayColors: false,
  })
}

export { Chart }
