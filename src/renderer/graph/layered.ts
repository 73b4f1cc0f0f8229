/**
 * A layered drawing of a directed graph, after Sugiyama, Tagawa and Toda (1981): ranks by the longest way from an
 * input, long edges through every rank they cross, order within a rank by the mean place of neighbours, and places
 * that are the least squares of those means with the gaps kept (pooled adjacent violators). Nothing recurses: chains of
 * thousands of operators are usual.
 */
import type { LaidOut, LayoutInput } from './layout'

const MARGIN = 16
const GAP = 24
const RANK_GAP = 40
/** Width of an edge that crosses a rank. */
const LANE = 10
const ORDER_SWEEPS = 8
const PLACE_SWEEPS = 10
/** Edges over more ranks are drawn straight. */
const LONGEST = 400
/** How much more a straight lane matters than a straight edge between neighbours. */
const STRAIGHT = 8

type Ends = readonly [from: number, to: number]

interface Element {
  rank: number
  width: number
  lane: boolean
  up: number[]
  down: number[]
  x: number
}

export function lay({ nodes, edges, width, height }: LayoutInput): LaidOut {
  const index = new Map(nodes.map((id, at) => [id, at]))
  const ends = edges.map(({ from, to }): Ends => [index.get(from)!, index.get(to)!])
  const place = order(nodes.length, ends)
  const forward = ends.map(([from, to]): Ends => (place[from]! <= place[to]! ? [from, to] : [to, from]))
  const ranks = ranksOf(nodes.length, place, forward)
  const elements: Element[] = nodes.map((_, at) => ({
    rank: ranks[at]!,
    width,
    lane: false,
    up: [],
    down: [],
    x: 0,
  }))
  const chains = forward.map(([from, to]) => chain(elements, from, to))
  const layers: number[][] = []
  for (const at of sorted(elements, place)) (layers[elements[at]!.rank] ??= []).push(at)
  arrange(elements, layers)
  settle(elements, layers)
  const left = Math.min(0, ...elements.map(({ x, width: own }) => x - own / 2))
  const middle = (at: number): number => MARGIN + height / 2 + elements[at]!.rank * (height + RANK_GAP)
  const across = (at: number): number => elements[at]!.x - left + MARGIN
  return {
    width: 2 * MARGIN + Math.max(0, ...elements.map(({ x, width: own }) => x + own / 2 - left)),
    height: 2 * MARGIN + layers.length * height + Math.max(0, layers.length - 1) * RANK_GAP,
    nodes: nodes.map((id, at) => ({ id, x: across(at), y: middle(at) })),
    edges: chains.map((way, at) => {
      const points = way.map((one, step) => ({
        x: across(one),
        y: middle(one) + (step === 0 ? height / 2 : step === way.length - 1 ? -height / 2 : 0),
      }))
      return { points: ends[at]![0] === forward[at]![0] ? points : points.reverse() }
    }),
  }
}

/** Place of each node in an order in which edges lead on; the few that cannot, in a circle of blocks, lead back. */
function order(count: number, edges: readonly Ends[]): number[] {
  const next = Array.from({ length: count }, (): number[] => [])
  const open = new Array<number>(count).fill(0)
  for (const [from, to] of edges) {
    next[from]!.push(to)
    open[to]!++
  }
  const place = new Array<number>(count).fill(-1)
  const ready = open.flatMap((left, at) => (left === 0 ? [at] : [])).reverse()
  let first = 0
  for (let done = 0; done < count; done++) {
    while (!ready.length && place[first]! >= 0) first++
    const at = ready.pop() ?? first
    place[at] = done
    for (const to of next[at]!) if (--open[to]! === 0 && place[to]! < 0) ready.push(to)
  }
  return place
}

function ranksOf(count: number, place: readonly number[], edges: readonly Ends[]) {
  const ranks = new Array<number>(count).fill(0)
  const inOrder = edges.toSorted(([a], [b]) => place[a]! - place[b]!)
  for (const [from, to] of inOrder) ranks[to] = Math.max(ranks[to]!, ranks[from]! + 1)
  // What nothing feeds stands right above its first reader.
  const fed = new Set(edges.map(([, to]) => to))
  const nearest = new Map<number, number>()
  for (const [from, to] of edges)
    if (!fed.has(from)) nearest.set(from, Math.min(nearest.get(from) ?? Infinity, ranks[to]! - 1))
  for (const [at, rank] of nearest) ranks[at] = rank
  return ranks
}

/** Elements from the first to the last, with a lane in every rank between. */
function chain(elements: Element[], from: number, to: number): number[] {
  const way = [from]
  const [top, bottom] = [elements[from]!.rank, elements[to]!.rank]
  if (bottom - top <= LONGEST)
    for (let rank = top + 1; rank < bottom; rank++) {
      way.push(elements.length)
      elements.push({ rank, width: LANE, lane: true, up: [], down: [], x: 0 })
    }
  way.push(to)
  for (let at = 1; at < way.length && bottom - top <= LONGEST; at++) {
    elements[way[at - 1]!]!.down.push(way[at]!)
    elements[way[at]!]!.up.push(way[at - 1]!)
  }
  return way
}

/** Nodes by their place, lanes where their edge begins. */
function sorted(elements: readonly Element[], place: readonly number[]): number[] {
  const key = [...place]
  for (let at = place.length; at < elements.length; at++) key[at] = key[elements[at]!.up[0]!]! + 0.5
  return elements.map((_, at) => at).sort((a, b) => key[a]! - key[b]!)
}

function arrange(elements: readonly Element[], layers: readonly number[][]): void {
  const seat = new Array<number>(elements.length).fill(0)
  const number = (layer: readonly number[]): void => layer.forEach((at, n) => (seat[at] = n))
  layers.forEach(number)
  const wish = new Array<number>(elements.length).fill(0)
  for (let sweep = 0; sweep < ORDER_SWEEPS; sweep++)
    for (const layer of sweep % 2 ? layers.toReversed() : layers) {
      for (const at of layer) {
        const near = sweep % 2 ? elements[at]!.down : elements[at]!.up
        wish[at] = near.length ? near.reduce((sum, other) => sum + seat[other]!, 0) / near.length : seat[at]!
      }
      layer.sort((a, b) => wish[a]! - wish[b]! || seat[a]! - seat[b]!)
      number(layer)
    }
}

function settle(elements: readonly Element[], layers: readonly number[][]): void {
  for (const layer of layers) {
    let right = 0
    for (const at of layer) {
      elements[at]!.x = right + elements[at]!.width / 2
      right += elements[at]!.width + GAP
    }
  }
  for (let sweep = 0; sweep < PLACE_SWEEPS; sweep++)
    for (const layer of sweep % 2 ? layers.toReversed() : layers) {
      // The last sweeps look both ways, so that what hangs between two is drawn straight.
      const both = sweep >= PLACE_SWEEPS / 2
      spread(
        layer.map((at) => elements[at]!),
        (element) => [
          ...(both || sweep % 2 ? element.down : []),
          ...(both || !(sweep % 2) ? element.up : []),
        ],
        elements,
      )
    }
}

/** Places of one rank: the least squares of what each wishes, with the gaps kept. */
function spread(
  layer: readonly Element[],
  near: (element: Element) => number[],
  elements: readonly Element[],
): void {
  const blocks: { sum: number; weight: number; from: number; mean: number }[] = []
  const offsets: number[] = []
  let offset = 0
  layer.forEach((element, at) => {
    if (at > 0) offset += (layer[at - 1]!.width + element.width) / 2 + gap(layer[at - 1]!, element)
    offsets.push(offset)
    let [sum, weight] = [0, 0]
    for (const other of near(element)) {
      const own = element.lane && elements[other]!.lane ? STRAIGHT : 1
      sum += own * elements[other]!.x
      weight += own
    }
    const wish = weight ? sum / weight : element.x
    let block = {
      sum: (wish - offset) * (weight || 0.1),
      weight: weight || 0.1,
      from: at,
      mean: wish - offset,
    }
    while (blocks.length && blocks.at(-1)!.mean > block.mean) {
      const before = blocks.pop()!
      const [total, heavy] = [before.sum + block.sum, before.weight + block.weight]
      block = { sum: total, weight: heavy, from: before.from, mean: total / heavy }
    }
    blocks.push(block)
  })
  blocks.forEach(({ from, mean }, n) => {
    const end = blocks[n + 1]?.from ?? layer.length
    for (let at = from; at < end; at++) layer[at]!.x = mean + offsets[at]!
  })
}

const gap = (a: Element, b: Element): number => (a.lane && b.lane ? LANE / 2 : GAP)
