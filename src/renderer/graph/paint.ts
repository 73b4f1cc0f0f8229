/** Paints what is in sight of a scene, in as much detail as its scale lets one see. */
import type { NodeCost } from '../../contract/compare'
import type { Camera, Size } from './camera'
import type { GraphPalette } from './palette'
import { STATE_SIGNS } from './rows'
import { NODE, shapeText, type Scene, type SceneEdge, type SceneNode } from './scene'

interface Look {
  selected?: string
  hovered?: string
  /** What a search found; the others are faint while there is any. */
  found?: ReadonlySet<string>
  costs: Readonly<Record<string, NodeCost>>
}

/** Above this scale names and shapes are written, above the other titles alone, below it nothing. */
const NAMES_FROM = 0.5
const TITLES_FROM = 0.28
const RADIUS = 6
const FAINT = 0.25

/** Number of nodes painted. `ratio`: pixels of the device for one of the page. */
export function paint(
  context: CanvasRenderingContext2D,
  scene: Scene,
  camera: Camera,
  seen: Size,
  ratio: number,
  palette: GraphPalette,
  look: Look,
): number {
  const { zoom } = camera
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.fillStyle = palette.ground
  context.fillRect(0, 0, seen.width, seen.height)
  context.setTransform(ratio * zoom, 0, 0, ratio * zoom, -camera.x * zoom * ratio, -camera.y * zoom * ratio)
  const sight = {
    left: camera.x,
    top: camera.y,
    right: camera.x + seen.width / zoom,
    bottom: camera.y + seen.height / zoom,
  }
  const edges = scene.edges.filter(
    (edge) =>
      edge.bottom >= sight.top &&
      edge.top <= sight.bottom &&
      edge.right >= sight.left - NODE.width &&
      edge.left <= sight.right + NODE.width,
  )
  const nodes = scene.nodes.filter(
    ({ x, y }) =>
      x + NODE.width >= sight.left && x <= sight.right && y + NODE.height >= sight.top && y <= sight.bottom,
  )
  paintEdges(context, edges, palette, look, zoom)
  if (zoom < TITLES_FROM) paintBlocks(context, nodes, palette, look)
  else for (const node of nodes) paintNode(context, node, palette, look, zoom)
  if (zoom >= NAMES_FROM) paintShapes(context, edges, palette, look)
  return nodes.length
}

function trace(context: CanvasRenderingContext2D, { points }: SceneEdge): void {
  context.moveTo(points[0]!.x, points[0]!.y)
  for (let at = 1; at < points.length; at++) {
    const [a, b] = [points[at - 1]!, points[at]!]
    if (a.x === b.x) context.lineTo(b.x, b.y)
    else {
      const middle = (a.y + b.y) / 2
      context.bezierCurveTo(a.x, middle, b.x, middle, b.x, b.y)
    }
  }
}

function paintEdges(
  context: CanvasRenderingContext2D,
  edges: readonly SceneEdge[],
  palette: GraphPalette,
  { selected }: Look,
  zoom: number,
): void {
  const near = edges.filter(({ from, to }) => from === selected || to === selected)
  for (const [some, colour, width] of [
    [edges, palette.line, 1],
    [near, palette.accent, 2],
  ] as const) {
    context.beginPath()
    for (const edge of some) trace(context, edge)
    context.strokeStyle = colour
    // Never thinner than half a pixel, however small the scale.
    context.lineWidth = Math.max(width, 0.5 / zoom)
    context.stroke()
  }
  if (zoom < NAMES_FROM) return
  context.fillStyle = palette.line
  context.beginPath()
  for (const { points } of edges) {
    const [before, end] = points.slice(-2) as [{ y: number }, { x: number; y: number }]
    const by = before.y < end.y ? -6 : 6
    context.moveTo(end.x, end.y)
    context.lineTo(end.x - 3.5, end.y + by)
    context.lineTo(end.x + 3.5, end.y + by)
  }
  context.fill()
}

const colourOf = (node: SceneNode, palette: GraphPalette): string =>
  node.family ? palette.families[node.family] : palette.block

const faint = ({ id, members }: SceneNode, { found }: Look): boolean =>
  found !== undefined && !found.has(id) && !members.some((member) => found.has(member))

/** So small that only colour and place can be told: one path a colour. */
function paintBlocks(
  context: CanvasRenderingContext2D,
  nodes: readonly SceneNode[],
  palette: GraphPalette,
  look: Look,
): void {
  const byColour = new Map<string, SceneNode[]>()
  for (const node of nodes) {
    const colour = node.state === 'same' ? colourOf(node, palette) : palette.states[node.state]
    const key = `${faint(node, look) ? FAINT : 1} ${colour}`
    const some = byColour.get(key)
    if (some) some.push(node)
    else byColour.set(key, [node])
  }
  for (const [key, some] of byColour) {
    context.globalAlpha = parseFloat(key)
    context.fillStyle = key.slice(key.indexOf(' ') + 1)
    context.beginPath()
    for (const { x, y } of some) context.rect(x, y, NODE.width, NODE.height)
    context.fill()
  }
  context.globalAlpha = 1
  const chosen = nodes.find(({ id }) => id === look.selected)
  if (chosen) {
    context.strokeStyle = palette.accent
    context.lineWidth = 16
    context.strokeRect(chosen.x, chosen.y, NODE.width, NODE.height)
  }
}

function paintNode(
  context: CanvasRenderingContext2D,
  node: SceneNode,
  palette: GraphPalette,
  look: Look,
  zoom: number,
): void {
  const { x, y, state } = node
  context.globalAlpha = faint(node, look) ? FAINT : 1
  if (node.op === undefined) {
    context.strokeStyle = palette.line
    context.fillStyle = palette.surface
    context.lineWidth = 1
    card(context, x + 4, y + 4, NODE.width, NODE.height)
    context.fill()
    context.stroke()
  }
  card(context, x, y, NODE.width, NODE.height)
  context.fillStyle = palette.surface
  context.fill()
  context.fillStyle = colourOf(node, palette)
  context.beginPath()
  context.roundRect(x, y, NODE.width, zoom < NAMES_FROM ? NODE.height : NODE.head, [
    RADIUS,
    RADIUS,
    zoom < NAMES_FROM ? RADIUS : 0,
    zoom < NAMES_FROM ? RADIUS : 0,
  ])
  context.fill()
  const marked = node.id === look.selected || node.id === look.hovered
  context.strokeStyle = node.id === look.selected ? palette.accent : palette.states[state]
  context.lineWidth = node.id === look.selected ? 3 : state !== 'same' ? 2.5 : marked ? 1.5 : 1
  context.setLineDash(state === 'removed' ? [5, 3] : [])
  card(context, x, y, NODE.width, NODE.height)
  context.stroke()
  context.setLineDash([])
  context.textBaseline = 'middle'
  context.fillStyle = palette.onFamily
  const big = zoom < NAMES_FROM
  context.font = `600 ${big ? 19 : 12}px ${palette.font}`
  const title = node.op === undefined ? `${node.title} …` : node.title
  const sign = STATE_SIGNS[state]
  const middle = y + (big ? NODE.height : NODE.head) / 2
  context.fillText(cut(title, big ? 15 : 24), x + 10, middle)
  if (sign) {
    context.textAlign = 'end'
    context.fillText(sign, x + NODE.width - 10, middle)
    context.textAlign = 'start'
  }
  if (!big) {
    context.fillStyle = palette.muted
    context.font = `11px ${palette.font}`
    // Names of wide letters are drawn narrower, never over the edge.
    context.fillText(cutStart(node.note, 27), x + 10, y + (NODE.head + NODE.height) / 2, NODE.width - 20)
  }
  context.globalAlpha = 1
}

function card(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  context.beginPath()
  context.roundRect(x, y, width, height, RADIUS)
}

/** Beside the edge, right below the node whose value it is. */
function paintShapes(
  context: CanvasRenderingContext2D,
  edges: readonly SceneEdge[],
  palette: GraphPalette,
  { costs }: Look,
): void {
  context.font = `10px ${palette.font}`
  context.fillStyle = palette.muted
  context.textBaseline = 'middle'
  for (const { points, value, first } of edges) {
    const text = first ? shapeText(costs[value]) : ''
    if (text) context.fillText(text, points[0]!.x + 6, points[0]!.y + 12)
  }
}

const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text
const cutStart = (text: string, most: number): string =>
  text.length > most ? `…${text.slice(1 - most)}` : text
