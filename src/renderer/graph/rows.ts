/** The graph as a foldable list: groups with their nodes, searched and filtered. */
import type { GraphDiffNode } from '../../contract/compare'
import { hasWords } from '../lib/find'

export type DiffState = GraphDiffNode['state']
export const DIFF_STATES: readonly DiffState[] = ['changed', 'added', 'removed', 'same']

export const STATE_NAMES: Record<DiffState, string> = {
  changed: 'changed',
  added: 'added',
  removed: 'removed',
  same: 'the same',
}

/** A second sign beside the colour. */
export const STATE_SIGNS: Record<DiffState, string> = { changed: '~', added: '+', removed: '−', same: '' }

/** The group of nodes whose names have no path. */
const TOP = 'at the top'

export type GraphRow =
  | { kind: 'group'; group: string; count: number; touched: number; open: boolean }
  | { kind: 'node'; node: GraphDiffNode }

interface Query {
  text: string
  /** Of any state without. */
  states?: ReadonlySet<DiffState>
}

export function passes(node: GraphDiffNode, { text, states }: Query): boolean {
  if (states && !states.has(node.state)) return false
  return hasWords(`${node.op} ${node.label} ${node.id} ${node.change} ${node.group}`, text)
}

/** Groups stay in the graph's order. While something is searched every group is open. */
export function graphRows(
  nodes: readonly GraphDiffNode[],
  query: Query,
  closed: ReadonlySet<string>,
): GraphRow[] {
  const groups = new Map<string, GraphDiffNode[]>()
  for (const node of nodes) {
    if (!passes(node, query)) continue
    const list = groups.get(node.group)
    if (list) list.push(node)
    else groups.set(node.group, [node])
  }
  const single = groups.size <= 1
  return [...groups].flatMap(([group, list]): GraphRow[] => {
    const open = single || query.text !== '' || !closed.has(group)
    const rows: GraphRow[] = open ? list.map((node) => ({ kind: 'node', node })) : []
    const touched = list.filter(({ state }) => state !== 'same').length
    return single
      ? rows
      : [{ kind: 'group', group: group || TOP, count: list.length, touched, open }, ...rows]
  })
}
