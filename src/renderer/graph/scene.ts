/** A laid-out drawing as it is painted and searched for what lies under the pointer. */
import type { NodeCost } from '../../contract/compare'
import { familyOf, type Family } from './families'
import type { Drawing, DrawnNode } from './fold'
import type { Point, LaidOut } from './layout'

export const NODE = { width: 176, height: 44, head: 22 } as const

export interface SceneNode extends DrawnNode {
  /** Top left. */
  x: number
  y: number
  /** None of a block. */
  family?: Family
}

export interface SceneEdge {
  points: Point[]
  from: string
  to: string
  /** The operator whose value it carries. */
  value: string
  /** The first of those that leave its node, which carries the shape. */
  first: boolean
  top: number
  bottom: number
  left: number
  right: number
}

export interface Scene {
  width: number
  height: number
  nodes: SceneNode[]
  edges: SceneEdge[]
  at: Map<string, SceneNode>
  /** Operator → what it is drawn as. */
  drawnAs: Map<string, SceneNode>
}

export function sceneOf({ nodes, edges }: Drawing, laid: LaidOut): Scene {
  const places = new Map(laid.nodes.map((node) => [node.id, node]))
  const placed = nodes.map((node): SceneNode => {
    const { x, y } = places.get(node.id)!
    const family = node.op === undefined ? undefined : familyOf(node.op)
    return { ...node, family, x: x - NODE.width / 2, y: y - NODE.height / 2 }
  })
  const left = new Set<string>()
  return {
    width: laid.width,
    height: laid.height,
    nodes: placed,
    edges: edges.map(({ from, to, value }, at) => {
      const { points } = laid.edges[at]!
      const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)]
      const first = !left.has(from)
      left.add(from)
      return {
        ...{ points, from, to, value, first },
        ...{ top: Math.min(...ys), bottom: Math.max(...ys), left: Math.min(...xs), right: Math.max(...xs) },
      }
    }),
    at: new Map(placed.map((node) => [node.id, node])),
    drawnAs: new Map(placed.flatMap((node) => node.members.map((member) => [member, node]))),
  }
}

export const under = (scene: Scene, x: number, y: number): SceneNode | undefined =>
  scene.nodes.find(
    (node) => x >= node.x && x <= node.x + NODE.width && y >= node.y && y <= node.y + NODE.height,
  )

/** '1×16×28×28'; empty where nothing is known. */
export const shapeText = (cost: NodeCost | undefined): string => cost?.shape?.join('×') ?? ''
