/** Names beside points of a chart, each where it covers no other name and no other point; what has no room stays unnamed. */
import type { Chart, Plugin } from 'chart.js'

interface Box {
  left: number
  top: number
  right: number
  bottom: number
}

interface Wanted {
  x: number
  y: number
  text: string
}

interface Placed extends Wanted {
  box: Box
}

const GAP = 10

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

/** Above its point to the right, where no staircase goes, else left, below, above, right; the first that is inside `area` and free. Earlier ones choose first. */
export function placeLabels(
  wanted: readonly Wanted[],
  points: readonly { x: number; y: number }[],
  area: Box,
  width: (text: string) => number,
  height: number,
): Placed[] {
  const marks = points.map(({ x, y }): Box => ({ left: x - 5, top: y - 5, right: x + 5, bottom: y + 5 }))
  const placed: Placed[] = []
  for (const one of wanted) {
    const { x, y } = one
    const w = width(one.text)
    const boxes = [
      { left: x + GAP - 2, top: y - height - 3 },
      { left: x - GAP - w, top: y - height / 2 },
      { left: x + GAP - 2, top: y + 3 },
      { left: x - w / 2, top: y - GAP - height },
      { left: x + GAP, top: y - height / 2 },
    ].map(({ left, top }): Box => ({ left, top, right: left + w, bottom: top + height }))
    const free = boxes.find(
      (box) =>
        box.left >= area.left &&
        box.right <= area.right &&
        box.top >= area.top &&
        box.bottom <= area.bottom &&
        !marks.some((mark) => overlap(mark, box)) &&
        !placed.some((other) => overlap(other.box, box)),
    )
    if (free) placed.push({ ...one, box: free })
  }
  return placed
}

/** `label` gives the name of a point, undefined for those that go without. */
export function pointLabels(
  label: (raw: unknown) => string | undefined,
  colour: string,
  halo: string,
): Plugin {
  return {
    id: 'pointLabels',
    afterDatasetsDraw(chart: Chart) {
      const { ctx, chartArea } = chart
      const drawn = chart.data.datasets.flatMap(({ data }, index) =>
        chart.getDatasetMeta(index).data.map(({ x, y }, at) => ({ x, y, text: label(data[at]) ?? '' })),
      )
      const size = Number(chart.options.font?.size ?? 12)
      ctx.save()
      ctx.font = `500 ${size}px ${String(chart.options.font?.family)}`
      ctx.textBaseline = 'middle'
      const wanted = drawn.filter(({ text }) => text !== '')
      const measure = (text: string): number => ctx.measureText(text).width
      for (const { text, box } of placeLabels(wanted, drawn, chartArea, measure, size * 1.3)) {
        const middle = (box.top + box.bottom) / 2
        ctx.strokeStyle = halo
        ctx.lineWidth = 3
        ctx.lineJoin = 'round'
        ctx.strokeText(text, box.left, middle)
        ctx.fillStyle = colour
        ctx.fillText(text, box.left, middle)
      }
      ctx.restore()
    },
  }
}
