/** The trade-off chart as Chart.js draws it: the front as a staircase, what is allowed shaded, points by their names. */
import type { ChartConfiguration } from 'chart.js'
import { bytes, times } from '../../lib/format'
import { SLOT_SHAPES } from '../../state/slots'
import { candidateColour, type Palette } from '../../ui/charts'
import { pointLabels } from '../../ui/point-labels'
import type { Point } from './points'

interface TradeOffData {
  front: Point[]
  others: Point[]
  start: Point[]
  tried: Point[]
  /** Of what was tried, while there are no candidates: the front, and the best inside the limits. */
  reached: Point[]
  best?: string
  by: 'size' | 'time'
  acrossTitle: string
  /** Of what stands upright. */
  axis: string
  range?: { min: number; max: number }
  /** Where the goal's limits lie on the two axes. */
  allowed: { quality?: number; across?: number; higherIsBetter: boolean }
  /** What is told of a point. */
  lines: (point: Point) => string[]
}

/** So many candidates have their names beside them; of more, those nobody beats. */
const NAMED = 8

/** 1, 2 and 5 of every decade: nine labels a decade would lie over each other. */
function thinOut(axis: { ticks: { value: number }[] }): void {
  axis.ticks = axis.ticks.filter(({ value }) =>
    [1, 2, 5].some((digit) => Math.abs(value / 10 ** Math.floor(Math.log10(value)) - digit) < 1e-6),
  )
}

const rawOf = ({ raw }: { raw: unknown }): Point | undefined => raw as Point | undefined

export function tradeOffChart(
  palette: Palette,
  { front, others, start, tried, reached, best, by, acrossTitle, axis, range, allowed, lines }: TradeOffData,
): ChartConfiguration<'line', Point[]> {
  const isInside = (at: { raw: unknown }): boolean => rawOf(at)?.candidate?.insideLimit ?? true
  const slotOf = (at: { raw: unknown }): number | undefined => rawOf(at)?.slot
  const colour = (at: { raw: unknown }): string => candidateColour(palette, slotOf(at))
  const isBest = (at: { raw: unknown }): boolean => best !== undefined && rawOf(at)?.id === best
  const isFast = (at: { raw: unknown }): boolean => rawOf(at)?.onFront ?? false
  const named = new Set([...start, ...(front.length + others.length > NAMED ? front : [...front, ...others])])
  return {
    type: 'line',
    plugins: [
      pointLabels(
        (raw) =>
          named.has(raw as Point) ? (raw as Point).name : isBest({ raw }) ? 'best so far' : undefined,
        palette.text,
        palette.surface,
      ),
    ],
    data: {
      datasets: [
        {
          label: 'front',
          data: front,
          showLine: true,
          // Between two candidates the better quality costs the larger one: no model lies on the slope.
          stepped: 'before',
          borderColor: palette.muted,
          borderWidth: 1.5,
          pointStyle: (at: { raw: unknown }) => SLOT_SHAPES[slotOf(at) ?? 0]!,
          pointBackgroundColor: (at: { raw: unknown }) => (isInside(at) ? colour(at) : palette.surface),
          pointBorderColor: colour,
          pointBorderWidth: 2,
          pointRadius: 6,
          pointHoverRadius: 8,
        },
        {
          label: 'beaten',
          data: others,
          showLine: false,
          // The original alone is a diamond, and what is on show keeps its own mark.
          pointStyle: (at: { raw: unknown }) =>
            isFast(at) && slotOf(at) === undefined ? 'star' : SLOT_SHAPES[slotOf(at) ?? 0]!,
          pointBackgroundColor: (at: { raw: unknown }) =>
            slotOf(at) === undefined ? palette.surface : colour(at),
          pointBorderColor: colour,
          pointRadius: (at: { raw: unknown }) => (isFast(at) || slotOf(at) !== undefined ? 6 : 4),
          pointHoverRadius: 7,
        },
        {
          label: 'original',
          data: start,
          showLine: false,
          pointStyle: 'rectRot',
          pointBackgroundColor: palette.original,
          pointBorderColor: palette.original,
          pointRadius: 7,
          pointHoverRadius: 9,
        },
        {
          label: 'tried',
          data: tried,
          showLine: false,
          pointBackgroundColor: (at: { raw: unknown }) => (isBest(at) ? palette.compressed : 'transparent'),
          pointBorderColor: (at: { raw: unknown }) => (isBest(at) ? palette.compressed : palette.original),
          pointRadius: (at: { raw: unknown }) => (isBest(at) ? 6 : 3),
          pointHoverRadius: (at: { raw: unknown }) => (isBest(at) ? 8 : 5),
        },
        {
          label: 'reached',
          data: reached,
          showLine: true,
          stepped: 'before',
          borderColor: palette.muted,
          borderWidth: 1,
          borderDash: [3, 3],
          pointRadius: 0,
          pointHitRadius: 0,
        },
      ],
    },
    options: {
      parsing: false,
      layout: { padding: { top: 8, right: 12 } },
      // A point on the edge is drawn whole.
      clip: 12,
      scales: {
        x: {
          // Sizes span decades, times around the original's do not.
          ...(by === 'size'
            ? { type: 'logarithmic' as const, afterBuildTicks: thinOut, grace: '10%' }
            : { type: 'linear' as const, grace: '10%' }),
          ...spread([...front, ...others, ...start, ...tried], by),
          title: { display: true, text: by === 'size' ? `${acrossTitle}, logarithmic` : acrossTitle },
          ticks: {
            callback: (value) => (by === 'size' ? bytes : times)(Number(value)),
            maxTicksLimit: 6,
            maxRotation: 0,
          },
        },
        y: { title: { display: true, text: axis }, ticks: { maxTicksLimit: 6 }, ...range },
      },
      plugins: {
        tooltip: {
          callbacks: {
            title: ([item]) => (item && rawOf(item))?.name ?? '',
            label: (item) => lines(item.raw as Point),
          },
        },
        annotation: { annotations: allowedBox(palette, allowed) },
      },
    },
  }
}

/** One size alone would fill the axis: it gets a decade to be small in. */
function spread(points: readonly Point[], by: 'size' | 'time'): { min?: number; max?: number } {
  const sizes = points.map(({ x }) => x)
  const [low, high] = [Math.min(...sizes), Math.max(...sizes)]
  if (sizes.length === 0 || by === 'time') return {}
  return { min: Math.min(low / 1.25, high / 10), max: high * 1.4 }
}

/** The part of the plane that all limits of these two axes allow. */
function allowedBox(palette: Palette, { quality, across, higherIsBetter }: TradeOffData['allowed']) {
  if (quality === undefined && across === undefined) return {}
  return {
    allowed: {
      type: 'box' as const,
      ...(quality !== undefined && (higherIsBetter ? { yMin: quality } : { yMax: quality })),
      ...(across !== undefined && { xMax: across }),
      backgroundColor: palette.goodSoft,
      borderColor: palette.good,
      borderWidth: 1,
      borderDash: [5, 4],
      // A candidate just inside the limit must not hide behind the shade or its name.
      drawTime: 'beforeDatasetsDraw' as const,
      label: {
        display: true,
        content: 'what you allow',
        position: { x: 'start' as const, y: higherIsBetter ? ('end' as const) : ('start' as const) },
        color: palette.muted,
        padding: 6,
        font: { weight: 'normal' as const },
      },
    },
  }
}
