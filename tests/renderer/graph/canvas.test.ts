import { describe, expect, it } from 'vitest'
import { centred, fitted, moved, opening, turned, widened, zoomed } from '../../../src/renderer/graph/camera'
import { fold } from '../../../src/renderer/graph/fold'
import { lay } from '../../../src/renderer/graph/layered'
import { paint } from '../../../src/renderer/graph/paint'
import type { GraphPalette } from '../../../src/renderer/graph/palette'
import { NODE, sceneOf, shapeText, under, type Scene } from '../../../src/renderer/graph/scene'
import { graphDiff } from '../fake/host'

const seen = { width: 800, height: 600 }
const extent = { width: 400, height: 6000 }
const start = { x: -200, y: 0, zoom: 1 }

describe('the camera', () => {
  it('zooms about the pointer: what lies under it stays', () => {
    for (const factor of [1.25, 0.8]) {
      const at = { x: 420, y: 300 }
      const next = zoomed(start, factor, at, seen, extent)
      expect(next.zoom).toBeCloseTo(factor)
      expect(next.x + at.x / next.zoom).toBeCloseTo(start.x + at.x)
      expect(next.y + at.y / next.zoom).toBeCloseTo(start.y + at.y)
    }
  })

  it('goes as near as is useful, and as far as the whole graph', () => {
    let camera = start
    for (let n = 0; n < 50; n++) camera = zoomed(camera, 1.5, { x: 0, y: 0 }, seen, extent)
    expect(camera.zoom).toBe(2.5)
    const deep = { width: 400, height: 200_000 }
    for (let n = 0; n < 50; n++) camera = zoomed(camera, 0.5, { x: 0, y: 0 }, seen, deep)
    expect(camera.zoom).toBeCloseTo((600 - 24) / 200_000)
  })

  it('keeps in the middle what was there when the window gets another width', () => {
    const narrow = widened(start, seen.width, { width: 500, height: 600 }, extent)
    expect(narrow.x + 250).toBe(start.x + 400)
    expect(narrow).toMatchObject({ y: start.y, zoom: start.zoom })
  })

  it('fits the whole, opens at what can be read, and brings a node to the middle', () => {
    const all = fitted(seen, extent)
    expect(all.zoom * extent.height).toBeCloseTo(548)
    // What is said of it stands below.
    expect((extent.height - all.y) * all.zoom).toBeLessThanOrEqual(seen.height - 28)
    expect(all.x + seen.width / all.zoom / 2).toBeCloseTo(200)
    expect(opening(seen, extent)).toMatchObject({ zoom: 1, x: -200 })
    expect(opening(seen, { width: 300, height: 400 })).toEqual(fitted(seen, { width: 300, height: 400 }))
    const middle = centred({ x: 0, y: 0, zoom: 0.1 }, 200, 3000, seen, extent)
    expect((200 - middle.x) * middle.zoom).toBeCloseTo(400)
    expect((3000 - middle.y) * middle.zoom).toBeCloseTo(300)
  })

  it('never loses the drawing', () => {
    for (const [dx, dy] of [
      [1e9, 1e9],
      [-1e9, -1e9],
    ] as const) {
      const { x, y, zoom } = moved(start, dx, dy, seen, extent)
      expect(x).toBeLessThan(extent.width)
      expect(y).toBeLessThan(extent.height)
      expect(x + seen.width / zoom).toBeGreaterThan(0)
      expect(y + seen.height / zoom).toBeGreaterThan(0)
    }
  })

  it('tells a wheel from fingers', () => {
    const event = { deltaX: 0, deltaY: 0, deltaMode: 0, ctrlKey: false, metaKey: false, shiftKey: false }
    expect(turned({ ...event, deltaY: -100 })).toEqual({ zoom: Math.exp(0.2) })
    expect(turned({ ...event, deltaY: 3, deltaMode: 1 })).toEqual({ zoom: Math.exp(-0.198) })
    expect(turned({ ...event, deltaX: 3, deltaY: 7 })).toEqual({ dx: 3, dy: 7 })
    expect(turned({ ...event, deltaY: -4, ctrlKey: true })).toEqual({ zoom: Math.exp(0.04) })
    expect(turned({ ...event, deltaY: 100, shiftKey: true })).toEqual({ dx: 100, dy: 0 })
  })
})

const scene = (size: number): Scene => {
  const drawing = fold(graphDiff(size, true).nodes, 'operators', new Set())
  return sceneOf(drawing, lay({ nodes: drawing.nodes.map(({ id }) => id), edges: drawing.edges, ...NODE }))
}

/** What a canvas was told, by the name of the call. */
function canvas(): { context: CanvasRenderingContext2D; said: string[]; calls: Map<string, number> } {
  const said: string[] = []
  const calls = new Map<string, number>()
  const context = new Proxy({} as Record<string, unknown>, {
    get: (kept, name: string) =>
      kept[name] ??
      ((...args: unknown[]) => {
        calls.set(name, (calls.get(name) ?? 0) + 1)
        if (name === 'fillText') said.push(String(args[0]))
      }),
  })
  return { context: context as unknown as CanvasRenderingContext2D, said, calls }
}
const colours = new Proxy({}, { get: () => '#123456' })
const palette = { ...colours, families: colours, states: colours, font: 'x' } as unknown as GraphPalette

describe('painting', () => {
  const all = scene(2000)
  it('paints what is in sight alone, with names, signs and shapes', () => {
    const { context, said } = canvas()
    const costs = { n0: { shape: [1, 16, 28, 28], macs: 1, parameters: 1 } }
    const drawn = paint(context, all, { x: -200, y: 0, zoom: 1 }, seen, 2, palette, { costs })
    expect(drawn).toBeGreaterThan(5)
    expect(drawn).toBeLessThan(12)
    expect(said).toContain('Conv')
    expect(said).toContain('/block0/Conv_0')
    expect(said).toContain('1×16×28×28')
    expect(said).toContain('~')
  })

  it('leaves out what could not be read, and paints a colour at once', () => {
    const { context, said, calls } = canvas()
    const drawn = paint(context, all, fitted(seen, all), seen, 1, palette, { costs: {}, selected: 'n7' })
    expect(drawn).toBe(2000)
    expect(said).toEqual([])
    expect(calls.get('rect')).toBe(2000)
    expect(calls.get('fill')).toBeLessThan(12)
  })

  it('finds the node under a point, and none between them', () => {
    const node = all.at.get('n5')!
    expect(under(all, node.x + 3, node.y + 3)?.id).toBe('n5')
    expect(under(all, node.x + 3, node.y + NODE.height + 5)).toBeUndefined()
    expect(shapeText(undefined)).toBe('')
  })
})
