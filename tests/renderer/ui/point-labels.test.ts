import { describe, expect, it } from 'vitest'
import { placeLabels } from '../../../src/renderer/ui/point-labels'

const area = { left: 0, top: 0, right: 400, bottom: 300 }
const place = (points: { x: number; y: number; text: string }[]) =>
  placeLabels(points, points, area, (text) => text.length * 7, 16)

describe('names of points', () => {
  it('stay inside the chart and cover neither each other nor a point', () => {
    const points = Array.from({ length: 30 }, (_, at) => ({
      x: 20 + ((at * 67) % 360),
      y: 15 + ((at * 41) % 270),
      text: `candidate ${at}`,
    }))
    const placed = place(points)
    expect(placed.length).toBeGreaterThan(10)
    for (const { box } of placed) {
      expect(box.left).toBeGreaterThanOrEqual(0)
      expect(box.right).toBeLessThanOrEqual(400)
      for (const { x, y } of points)
        expect(x > box.left && x < box.right && y > box.top && y < box.bottom).toBe(false)
      for (const other of placed)
        if (other.box !== box)
          expect(
            box.left < other.box.right &&
              other.box.left < box.right &&
              box.top < other.box.bottom &&
              other.box.top < box.bottom,
          ).toBe(false)
    }
  })

  it('turn to the left at the right edge', () => {
    const [one] = place([{ x: 390, y: 150, text: 'original' }])
    expect(one!.box.right).toBeLessThan(390)
  })

  it('give way to those that came first', () => {
    const texts = place([
      { x: 200, y: 150, text: 'first' },
      { x: 201, y: 150, text: 'a name far too long to go anywhere at all beside its neighbour ever' },
    ]).map(({ text }) => text)
    expect(texts).toEqual(['first'])
  })
})
