/** A program that fits into so much RAM: its first layers in patches where they must be, as few multiply-accumulates more as will do. */
import { sizeOf } from '../../onnx'
import { lower, type Lower } from './lowering'
import { chainOf, reachesOf, split, type Link } from './patches'
import { plan, planOrder, type Plan } from './plan'
import { bytesOf, type Buffer, type Program } from './program'
import type { StaticGraph } from './static-graph'
import { PATCHED_AXIS } from './operators/patch'
import { elementBytes } from './types'

interface Fitted {
  program: Program
  plan: Plan
}

/** Of what a chip has, for its stack. */
const STACK = 1024
const COUNTS = [2, 3, 4, 6, 8, 12, 16, 24, 32]
/** Chains of different ends, and patches of different sizes, that are tried. */
const ENDS = 6

interface Choice {
  links: readonly Link[]
  count: number
  rows: number
  /** Multiply-accumulates over those of the whole. */
  work: number
}

/**
 * `ram` are the bytes for arena, states, inputs and outputs of one sample, and the stack; where no choice of patches fits,
 * the one of the smallest arena. Throws Unsupported.
 */
export function fitted(graph: StaticGraph, operators: ReadonlyMap<string, Lower>, ram = Infinity): Fitted {
  const program = lower(graph, operators)
  const whole: Fitted = { program, plan: plan(program) }
  const ports = [...program.inputs, ...program.outputs, ...program.states.map(([state]) => state)]
  const room = ram - STACK - ports.reduce((sum, buffer) => sum + bytesOf(buffer), 0)
  let best = whole
  // What follows is the same for patches of any size.
  const rests = new Map<number, Program>()
  for (const choice of whole.plan.arenaBytes > room ? choicesOf(graph) : []) {
    const { patch, rest } = split(graph, choice.links, choice.rows)
    const after = rests.get(choice.links.length) ?? lower(rest, operators)
    rests.set(choice.links.length, after)
    const tried = inPatches(lower(patch, operators), after, choice.count)
    if (tried.plan.arenaBytes < best.plan.arenaBytes) best = tried
    if (best.plan.arenaBytes <= room) break
  }
  return best
}

/** Ends where less is left than anywhere before, the least work first. */
function choicesOf(graph: StaticGraph): Choice[] {
  const all = chainOf(graph)
  const bytes = (name: string): number => {
    const { dims, dtype } = graph.values.get(name)!
    return sizeOf(dims) * elementBytes(dtype)
  }
  let least = Infinity
  const ends = all.flatMap(({ to }, i) => {
    const isNarrow = bytes(to) < least && all.slice(0, i + 1).some(({ window }) => window)
    least = Math.min(least, bytes(to))
    return isNarrow ? [i + 1] : []
  })
  const choices = ends.slice(0, ENDS).flatMap((end): Choice[] => {
    const links = all.slice(0, end)
    const size = graph.values.get(links.at(-1)!.to)!.dims[PATCHED_AXIS]!
    return COUNTS.filter((count) => count <= size).map((count) => {
      const rows = Math.ceil(size / count)
      return { links, count: Math.ceil(size / rows), rows, work: workOf(graph, links, count, rows) }
    })
  })
  return choices.sort((a, b) => a.work - b.work)
}

function workOf(graph: StaticGraph, links: readonly Link[], count: number, rows: number): number {
  const reaches = reachesOf(links, rows)
  return links.reduce((sum, { to, macs }, i) => {
    const size = graph.values.get(to)!.dims[PATCHED_AXIS]!
    return sum + macs * ((reaches[i + 1]!.rows * count) / size - 1)
  }, 0)
}

/** One patch so many times, then the rest. */
function inPatches(one: Program, rest: Program, count: number): Fitted {
  const inner = planOrder(one, one.steps)
  const scratch: Buffer = { name: 'a patch', dtype: 'uint8', dims: [inner.arenaBytes], place: 'arena' }
  const [x, y] = [one.inputs[0]!, rest.inputs[0]!]
  one.outputs[0]!.of = y
  y.place = 'arena'
  const whole: Program = {
    ...rest,
    inputs: [x, ...rest.inputs.slice(1)],
    steps: [
      {
        title: `in ${count} patches`,
        op: 'patches',
        reads: [x],
        writes: [y],
        scratch: [scratch],
        body: '',
        patches: { count, steps: one.steps, offsets: inner.offsets },
        macs: count * one.steps.reduce((sum, step) => sum + (step.macs ?? 0), 0),
      },
      ...rest.steps,
    ],
  }
  return { program: whole, plan: plan(whole) }
}
