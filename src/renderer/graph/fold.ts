/**
 * The graph within a budget of drawn nodes: groups that are not opened are drawn as one node. When even the groups are
 * too many, what lies around the changed nodes is drawn and the rest is left out, and said so.
 */
import type { GraphDiffNode } from '../../contract/compare'
import { TOP, type DiffState } from './rows'

export interface DrawnNode {
  id: string
  title: string
  note: string
  state: DiffState
  /** Nodes it stands for; 1 for a node of its own. */
  count: number
  group: string
}

interface Drawing {
  nodes: DrawnNode[]
  edges: { from: string; to: string }[]
  /** Nodes of the graph that are not in the drawing. */
  leftOut: number
}

const single = ({ id, op, label, state, group }: GraphDiffNode): DrawnNode => ({
  id,
  title: op,
  note: label,
  state,
  count: 1,
  group,
})

/** A folded group shows the strongest of what happened inside. */
function folded(group: string, members: readonly GraphDiffNode[]): DrawnNode {
  const states = new Set(members.map(({ state }) => state))
  const state = states.size === 1 ? members[0]!.state : 'changed'
  return {
    id: `group:${group}`,
    title: group || TOP,
    note: `${members.length} nodes`,
    state,
    count: members.length,
    group,
  }
}

export function fold(nodes: readonly GraphDiffNode[], opened: ReadonlySet<string>, budget: number): Drawing {
  const groups = new Map<string, GraphDiffNode[]>()
  for (const node of nodes) {
    const members = groups.get(node.group)
    if (members) members.push(node)
    else groups.set(node.group, [node])
  }
  const flat = nodes.length <= budget && opened.size === 0
  const shownAs = new Map<string, string>()
  const drawn: DrawnNode[] = []
  let leftOut = 0
  for (const [group, members] of groups) {
    const open = flat || members.length === 1 || opened.has(group)
    const made = open ? members.map(single) : [folded(group, members)]
    if (drawn.length + made.length > budget) {
      leftOut += members.length
      continue
    }
    drawn.push(...made)
    for (const { id } of members) shownAs.set(id, open ? id : `group:${group}`)
  }
  const seen = new Set<string>()
  const edges: Drawing['edges'] = []
  for (const node of nodes) {
    const to = shownAs.get(node.id)
    for (const input of to === undefined ? [] : node.inputs) {
      const from = shownAs.get(input)
      if (from === undefined || from === to || seen.has(`${from}\n${to}`)) continue
      seen.add(`${from}\n${to}`)
      edges.push({ from, to: to! })
    }
  }
  return { nodes: drawn, edges, leftOut }
}
