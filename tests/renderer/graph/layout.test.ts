import { afterEach, beforeAll, expect, it, vi } from 'vitest'
import { layOut, type LaidOut, type LayoutInput } from '../../../src/renderer/graph/layout'

/** The worker's own side, in this thread. */
let answer: ((message: { data: LayoutInput }) => void) | undefined
const worker = { terminate: vi.fn(), fail: false, silent: false }

class HereWorker {
  onmessage?: (message: { data: LaidOut }) => void
  onerror?: (event: { message: string }) => void
  terminate = worker.terminate
  postMessage(data: LayoutInput): void {
    vi.stubGlobal('postMessage', (laid: LaidOut) => this.onmessage?.({ data: laid }))
    queueMicrotask(() => {
      if (worker.fail) this.onerror?.({ message: 'no memory' })
      else if (!worker.silent) answer!({ data })
    })
  }
}

beforeAll(async () => {
  vi.stubGlobal('onmessage', undefined)
  await import('../../../src/renderer/graph/layout.worker')
  answer = (globalThis as unknown as { onmessage: typeof answer }).onmessage
})
afterEach(() => {
  vi.unstubAllGlobals()
  Object.assign(worker, { fail: false, silent: false, terminate: worker.terminate.mockClear() })
})

const lay = (input: Partial<LayoutInput>, signal = new AbortController().signal) => {
  vi.stubGlobal('Worker', HereWorker)
  return layOut({ nodes: [], edges: [], width: 100, height: 40, ...input }, signal)
}

it('stands every node below what feeds it, and none on another', async () => {
  const nodes = ['in', 'left', 'right', 'join', 'out']
  const edges = [
    ['in', 'left'],
    ['in', 'right'],
    ['left', 'join'],
    ['right', 'join'],
    ['join', 'out'],
    ['in', 'out'],
  ].map(([from, to]) => ({ from: from!, to: to! }))
  const laid = (await lay({ nodes, edges }))!
  const at = new Map(laid.nodes.map((node) => [node.id, node]))
  for (const { from, to } of edges) expect(at.get(to)!.y).toBeGreaterThan(at.get(from)!.y + 40)
  for (const a of laid.nodes) {
    expect(a.x - 50).toBeGreaterThanOrEqual(0)
    expect(a.x + 50).toBeLessThanOrEqual(laid.width)
    expect(a.y + 20).toBeLessThanOrEqual(laid.height)
    for (const b of laid.nodes)
      if (a !== b) expect(Math.abs(a.x - b.x) >= 100 || Math.abs(a.y - b.y) >= 40).toBe(true)
  }
  expect(laid.edges.map(({ points }) => points.length >= 2)).toEqual(edges.map(() => true))
  expect(worker.terminate).toHaveBeenCalledTimes(1)
})

it('an empty graph, a circle of blocks and a chain of thousands are laid out too', async () => {
  expect((await lay({}))!.nodes).toEqual([])
  const circle = await lay({
    nodes: ['a', 'b'],
    edges: [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'a' },
    ],
  })
  const [ahead, back] = circle!.edges.map(({ points }) => points.at(-1)!.y - points[0]!.y)
  expect(ahead).toBeGreaterThan(0)
  expect(back).toBeLessThan(0)
  // A layout that recurses runs out of stack here.
  const nodes = Array.from({ length: 4000 }, (_, i) => `n${i}`)
  const edges = nodes.slice(1).map((to, i) => ({ from: nodes[i]!, to }))
  const laid = (await lay({ nodes, edges }))!
  const heights = laid.nodes.map(({ y }) => y)
  expect(heights).toEqual([...heights].sort((a, b) => a - b))
  expect(new Set(heights).size).toBe(4000)
  expect(new Set(laid.nodes.map(({ x }) => x)).size).toBe(1)
})

it('a skip of ranks goes beside what it skips, and what nothing feeds stands above its reader', async () => {
  const nodes = ['a', 'b', 'c', 'd', 'constant']
  const edges = [
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'd'],
    ['a', 'd'],
    ['constant', 'd'],
  ].map(([from, to]) => ({ from: from!, to: to! }))
  const laid = (await lay({ nodes, edges }))!
  const at = new Map(laid.nodes.map((node) => [node.id, node]))
  const skip = laid.edges[3]!.points
  expect(skip).toHaveLength(4)
  for (const { x, y } of skip.slice(1, -1))
    for (const node of laid.nodes)
      expect(Math.abs(node.x - x) >= 50 || Math.abs(node.y - y) >= 20, node.id).toBe(true)
  expect(at.get('constant')!.y).toBe(at.get('c')!.y)
})

it('what is cancelled gives nothing and ends its worker', async () => {
  worker.silent = true
  const stop = new AbortController()
  const laid = lay({ nodes: ['a'] }, stop.signal)
  stop.abort()
  expect(await laid).toBeUndefined()
  expect(worker.terminate).toHaveBeenCalledTimes(1)
})

it('a worker that fails says why', async () => {
  worker.fail = true
  await expect(lay({ nodes: ['a'] })).rejects.toThrow('no memory')
  expect(worker.terminate).toHaveBeenCalledTimes(1)
})
