/**
 * Places in one arena: lifetimes of buffers to offsets, ahead of time. Greedy by size, as in arXiv:2001.03288 ("Greedy
 * by Size for Offset Calculation"), over several orders of the steps and of the buffers; the smallest arena wins.
 */
import { seeded } from '../../math/random'
import { bytesOf, rootOf, type Buffer, type Program, type Step } from './program'

export interface Plan {
  /** In the order they run. */
  steps: readonly Step[]
  /** Byte offsets of roots in the arena. */
  offsets: ReadonlyMap<Buffer, number>
  arenaBytes: number
  /** Bytes alive at once at the worst step: no plan of this order is smaller. */
  lowerBound: number
}

interface Block {
  bytes: number
  from: number
  to: number
}

const ALIGNMENT = 8
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
const isArena = (buffer: Buffer): boolean => buffer.place === 'arena'

/** Blocks of an order: roots that lie in the arena, those that take over each other's place as one. */
function blocksOf(
  program: Program,
  steps: readonly Step[],
): { blocks: Block[]; blockOf: Map<Buffer, Block> } {
  const last = new Map<Buffer, number>()
  steps.forEach((step, at) => {
    for (const buffer of [...step.reads, ...step.writes, ...(step.scratch ?? [])])
      last.set(rootOf(buffer), at)
  })
  for (const buffer of [...program.outputs, ...program.states.map(([, next]) => next)])
    last.set(rootOf(buffer), steps.length)
  const blocks: Block[] = []
  const blockOf = new Map<Buffer, Block>()
  steps.forEach((step, at) => {
    for (const [i, buffer] of [...step.writes, ...(step.scratch ?? [])].entries()) {
      const root = rootOf(buffer)
      if (!isArena(root) || blockOf.has(root)) continue
      const heir = i === 0 ? heirOf(step, at, last, blockOf, root) : undefined
      const block = heir ?? { bytes: aligned(bytesOf(root)), from: at, to: at }
      if (!heir) blocks.push(block)
      block.to = Math.max(block.to, last.get(root)!)
      blockOf.set(root, block)
    }
  })
  return { blocks, blockOf }
}

/** The block of a read that dies here and that the first output may take over. */
function heirOf(
  step: Step,
  at: number,
  last: ReadonlyMap<Buffer, number>,
  blockOf: ReadonlyMap<Buffer, Block>,
  output: Buffer,
): Block | undefined {
  for (const index of step.inPlace ?? []) {
    const root = rootOf(step.reads[index]!)
    const block = blockOf.get(root)
    const alone = step.reads.every((read, i) => i === index || rootOf(read) !== root)
    const same = root.dtype === output.dtype && bytesOf(root) === bytesOf(output)
    if (block && alone && same && last.get(root) === at) return block
  }
  return undefined
}

const overlaps = (a: Block, b: Block): boolean => a.from <= b.to && b.from <= a.to

function place(blocks: readonly Block[]): { offsets: Map<Block, number>; bytes: number } {
  const offsets = new Map<Block, number>()
  let bytes = 0
  for (const block of blocks) {
    const taken = [...offsets]
      .filter(([other]) => overlaps(block, other))
      .map(([other, offset]) => [offset, offset + other.bytes] as const)
      .sort((a, b) => a[0] - b[0])
    let at = 0
    let best: number | undefined
    let room = Infinity
    for (const [start, end] of taken) {
      const gap = start - at
      if (gap >= block.bytes && gap < room) [best, room] = [at, gap]
      at = Math.max(at, end)
    }
    const offset = best ?? at
    offsets.set(block, offset)
    bytes = Math.max(bytes, offset + block.bytes)
  }
  return { offsets, bytes }
}

const peakOf = (blocks: readonly Block[]): number => {
  const change = new Map<number, number>()
  for (const { from, to, bytes } of blocks) {
    change.set(from, (change.get(from) ?? 0) + bytes)
    change.set(to + 1, (change.get(to + 1) ?? 0) - bytes)
  }
  let [now, most] = [0, 0]
  for (const [, bytes] of [...change].sort((a, b) => a[0] - b[0])) most = Math.max(most, (now += bytes))
  return most
}

/** The best place of the buffers for one order of the steps. */
export function planOrder(program: Program, steps: readonly Step[]): Plan {
  const { blocks, blockOf } = blocksOf(program, steps)
  const lowerBound = peakOf(blocks)
  const length = ({ from, to }: Block): number => to - from
  const orders: ((a: Block, b: Block) => number)[] = [
    (a, b) => b.bytes - a.bytes || a.from - b.from,
    (a, b) => length(b) - length(a) || b.bytes - a.bytes,
    (a, b) => a.from - b.from || b.bytes - a.bytes,
    (a, b) => b.bytes * (length(b) + 1) - a.bytes * (length(a) + 1),
  ]
  let best = place(blocks)
  for (const order of orders) {
    if (best.bytes === lowerBound) break
    const placed = place([...blocks].sort(order))
    if (placed.bytes < best.bytes) best = placed
  }
  const offsets = new Map([...blockOf].map(([buffer, block]) => [buffer, best.offsets.get(block)!]))
  return { steps, offsets, arenaBytes: best.bytes, lowerBound }
}

/** Which steps each step waits for. */
function dependencies(steps: readonly Step[]): Set<Step>[] {
  const makers = new Map<Buffer, Step[]>()
  for (const step of steps)
    for (const buffer of step.writes) {
      const root = rootOf(buffer)
      makers.set(root, [...(makers.get(root) ?? []), step])
    }
  const position = new Map(steps.map((step, i) => [step, i]))
  return steps.map((step, at) => {
    const before = new Set<Step>()
    for (const buffer of [...step.reads, ...step.writes])
      for (const maker of makers.get(rootOf(buffer)) ?? []) if (position.get(maker)! < at) before.add(maker)
    return before
  })
}

/** An order that keeps dependencies; of the steps that could come next `choose` names one. */
export function orderBy(
  steps: readonly Step[],
  choose: (ready: readonly Step[], done: readonly Step[]) => number,
): Step[] {
  const waits = dependencies(steps)
  const left = new Set(steps.keys())
  const done: Step[] = []
  const finished = new Set<Step>()
  while (left.size > 0) {
    const ready = [...left].filter((i) => [...waits[i]!].every((step) => finished.has(step)))
    const next =
      ready[
        choose(
          ready.map((i) => steps[i]!),
          done,
        )
      ]!
    left.delete(next)
    done.push(steps[next]!)
    finished.add(steps[next]!)
  }
  return done
}

/** Takes the step that makes the arena grow least: what it adds less what nobody else needs any more. */
function leastGrowth(steps: readonly Step[]): Step[] {
  const readers = new Map<Buffer, Set<Step>>()
  for (const step of steps)
    for (const buffer of step.reads) {
      const root = rootOf(buffer)
      readers.set(root, (readers.get(root) ?? new Set()).add(step))
    }
  const growth = (step: Step, finished: ReadonlySet<Step>): number => {
    let bytes = 0
    for (const buffer of new Set(step.writes.map(rootOf))) if (isArena(buffer)) bytes += bytesOf(buffer)
    for (const buffer of new Set(step.reads.map(rootOf)))
      if (isArena(buffer) && [...readers.get(buffer)!].every((one) => one === step || finished.has(one)))
        bytes -= bytesOf(buffer)
    return bytes
  }
  return orderBy(steps, (ready, done) => {
    const finished = new Set(done)
    const costs = ready.map((step) => growth(step, finished))
    return costs.indexOf(Math.min(...costs))
  })
}

/** Above this many steps random orders would take longer than they are worth. */
const SEARCHED_STEPS = 400
const RANDOM_ORDERS = 40

/** The smallest arena of several orders: the graph's own, the one that grows least, and random ones of fixed seeds. */
export function plan(program: Program): Plan {
  const { steps } = program
  let best = planOrder(program, steps)
  const consider = (order: readonly Step[]): void => {
    const other = planOrder(program, order)
    if (other.arenaBytes < best.arenaBytes) best = other
  }
  if (steps.length > SEARCHED_STEPS) return best
  consider(leastGrowth(steps))
  const random = seeded(1)
  const branches = steps.length > 1 && dependencies(steps).filter((before) => before.size !== 1).length > 1
  if (branches)
    for (let i = 0; i < RANDOM_ORDERS; i++) consider(orderBy(steps, (ready) => random.below(ready.length)))
  return best
}
