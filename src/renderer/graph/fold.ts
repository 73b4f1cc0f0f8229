/**
 * A graph at the detail that was chosen: every operator, the blocks that their names tell of, or each run of equal
 * blocks once. What is opened is drawn one step finer. What is beyond the most that is drawn is left out, and said so.
 */
import type { GraphDiffNode } from '../../contract/compare'
import { plural } from '../../contract/format'
import { repeats } from './repeats'
import type { DiffState } from './rows'

export type Detail = 'operators' | 'blocks' | 'repeats'

export interface DrawnNode {
  id: string
  title: string
  note: string
  state: DiffState
  /** Ids of the operators it stands for; one where it is an operator itself. */
  members: string[]
  /** Of an operator. */
  op?: string
  /** What folding it again means: the block or run it was opened from. */
  within?: string
}

interface DrawnEdge {
  from: string
  to: string
  /** The operator whose output it carries. */
  value: string
}

export interface Drawing {
  nodes: DrawnNode[]
  edges: DrawnEdge[]
  /** Operators that are not in the drawing. */
  leftOut: number
}

/** More are neither laid out in seconds nor looked at. */
const MOST = 4000
/** Up to here a graph is shown whole at first. */
const WHOLE = 400

/** A block of operators, or an operator that belongs to none. */
interface Unit {
  id: string
  group: string
  members: GraphDiffNode[]
  /** Equal for units that do the same. */
  word: string
}

const single = ({ id, op, label, state }: GraphDiffNode, within?: string): DrawnNode => ({
  id,
  title: op,
  note: label,
  state,
  members: [id],
  op,
  within,
})

function unitsOf(nodes: readonly GraphDiffNode[]): Unit[] {
  const units = new Map<string, Unit>()
  for (const node of nodes) {
    const id = node.group ? `group:${node.group}` : node.id
    const unit = units.get(id)
    if (unit) {
      unit.members.push(node)
      unit.word += ` ${node.op}`
    } else units.set(id, { id, group: node.group, members: [node], word: node.op })
  }
  return [...units.values()]
}

/** The strongest of what happened inside. */
function together(id: string, title: string, members: readonly GraphDiffNode[], within?: string): DrawnNode {
  const touched = members.filter(({ state }) => state !== 'same').length
  const states = new Set(members.map(({ state }) => state))
  return {
    id,
    title,
    note: plural(members.length, 'node') + (touched ? `, ${touched} touched` : ''),
    state: states.size === 1 ? members[0]!.state : 'changed',
    members: members.map((node) => node.id),
    within,
  }
}

function unfolded(unit: Unit, opened: ReadonlySet<string>, within?: string): DrawnNode[] {
  if (unit.members.length === 1) return [single(unit.members[0]!, within)]
  if (opened.has(unit.id)) return unit.members.map((node) => single(node, unit.id))
  return [together(unit.id, unit.group, unit.members, within)]
}

/** 'encoder/layer.0/mlp' and 'encoder/layer.0/attention' → 'encoder/layer.n'; without such names the operators. */
function nameOf(round: readonly Unit[]): string {
  const paths = round.map(({ group }) => group.split('/'))
  const common = paths[0]!.filter((part, at) => paths.every((path) => path[at] === part))
  const name = common.join('/').replace(/\d+(?!.*\d)/, 'n')
  if (name) return name
  const words = [...new Set(round.map(({ group, word }) => group.split('/').at(-1) || word))]
  return words.slice(0, 3).join(', ') + (words.length > 3 ? ' …' : '')
}

function runsOf(units: readonly Unit[], opened: ReadonlySet<string>): DrawnNode[] {
  // Two equal operators after each other are no block; two equal blocks are.
  const found = repeats(
    units.map(({ word }) => word),
    (from) => (units[from]!.members.length > 1 ? 1 : 3),
  )
  const drawn: DrawnNode[] = []
  let at = 0
  for (const { from, period, rounds } of [...found, { from: units.length, period: 0, rounds: 0 }]) {
    for (; at < from; at++) drawn.push(...unfolded(units[at]!, opened))
    const inside = units.slice(from, from + period * rounds)
    const id = `repeat:${inside[0]?.id}`
    if (opened.has(id)) drawn.push(...inside.flatMap((unit) => unfolded(unit, opened, id)))
    else if (inside.length)
      drawn.push(
        together(
          id,
          `${rounds} × ${nameOf(inside.slice(0, period))}`,
          inside.flatMap(({ members }) => members),
        ),
      )
    at = from + inside.length
  }
  return drawn
}

/** What a graph is first shown at. */
export function firstDetail(nodes: readonly GraphDiffNode[]): Detail {
  if (nodes.length <= WHOLE) return 'operators'
  return unitsOf(nodes).length <= WHOLE ? 'blocks' : 'repeats'
}

export function fold(
  nodes: readonly GraphDiffNode[],
  detail: Detail,
  opened: ReadonlySet<string>,
  most = MOST,
): Drawing {
  const units = detail === 'operators' ? [] : unitsOf(nodes)
  const all =
    detail === 'operators'
      ? nodes.map((node) => single(node))
      : detail === 'blocks'
        ? units.flatMap((unit) => unfolded(unit, opened))
        : runsOf(units, opened)
  const drawn = all.slice(0, most)
  const shownAs = new Map(drawn.flatMap(({ id, members }) => members.map((member) => [member, id])))
  const seen = new Set<string>()
  const edges: DrawnEdge[] = []
  for (const node of nodes) {
    const to = shownAs.get(node.id)
    for (const value of to === undefined ? [] : node.inputs) {
      const from = shownAs.get(value)
      if (from === undefined || from === to || seen.has(`${from}\n${to}`)) continue
      seen.add(`${from}\n${to}`)
      edges.push({ from, to: to!, value })
    }
  }
  return { nodes: drawn, edges, leftOut: nodes.length - shownAs.size }
}
