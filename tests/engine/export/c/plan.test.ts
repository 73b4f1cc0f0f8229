/** Places in the arena: nothing overlaps that lives at one time, and little room is lost. */
import { describe, expect, test } from 'vitest'
import { seeded, type Random } from '../../../../src/engine/math/random'
import { orderBy, plan, planOrder, type Plan } from '../../../../src/engine/export/c/plan'
import {
  bytesOf,
  rootOf,
  type Buffer,
  type Program,
  type Step,
} from '../../../../src/engine/export/c/program'

const buffer = (name: string, size: number, place: Buffer['place'] = 'arena'): Buffer => ({
  name,
  dtype: 'float32',
  dims: [size],
  place,
})

const step = (reads: Buffer[], writes: Buffer[], more: Partial<Step> = {}): Step => ({
  title: '',
  op: 'op',
  body: '',
  reads,
  writes,
  ...more,
})

/** Layers in a row with branches that meet again. */
function network(random: Random, length: number): Program {
  const input = buffer('x', 64, 'input')
  const steps: Step[] = []
  let open: Buffer[] = [input]
  for (let i = 0; i < length; i++) {
    const from = open[random.below(open.length)]!
    const branches = 1 + random.below(3)
    const ends = Array.from({ length: branches }, (_, b) => {
      const first = buffer(`a${i}_${b}`, 8 + random.below(400))
      const second = buffer(`b${i}_${b}`, 8 + random.below(200))
      steps.push(step([from], [first]), step([first], [second]))
      return second
    })
    const joined = buffer(`j${i}`, 16 + random.below(100))
    steps.push(step(ends, [joined]))
    open = random.below(3) === 0 ? [...open, joined] : [joined]
  }
  const output = buffer('y', 4, 'output')
  steps.push(step(open, [output]))
  return { inputs: [input], outputs: [output], states: [], steps }
}

/** Pairs of buffers that share bytes while both are needed. */
function clashes({ steps, offsets }: Plan): string[] {
  const lives = new Map<Buffer, [number, number]>()
  steps.forEach((one, at) => {
    for (const each of [...one.reads, ...one.writes, ...(one.scratch ?? [])]) {
      const root = rootOf(each)
      if (offsets.has(root)) lives.set(root, [lives.get(root)?.[0] ?? at, at])
    }
  })
  const found: string[] = []
  const all = [...lives]
  for (const [i, [a, [fromA, toA]]] of all.entries())
    for (const [b, [fromB, toB]] of all.slice(i + 1)) {
      const [startA, startB] = [offsets.get(a)!, offsets.get(b)!]
      const shares = startA < startB + bytesOf(b) && startB < startA + bytesOf(a)
      if (shares && fromA <= toB && fromB <= toA) found.push(`${a.name} and ${b.name}`)
    }
  return found
}

describe('on networks of 40 seeds', () => {
  const networks = Array.from({ length: 40 }, (_, seed) => network(seeded(seed + 1), 3 + (seed % 5)))

  test('nothing overlaps that lives at one time, every offset is aligned and within the arena', () => {
    for (const program of networks) {
      const planned = plan(program)
      expect(clashes(planned)).toEqual([])
      for (const [one, offset] of planned.offsets) {
        expect(offset % 8).toBe(0)
        expect(offset + bytesOf(one)).toBeLessThanOrEqual(planned.arenaBytes)
      }
      expect(new Set(planned.steps)).toEqual(new Set(program.steps))
      expect(planned.arenaBytes).toBeGreaterThanOrEqual(planned.lowerBound)
    }
  })

  test('the arena is within 10% of the best of 1,000 random orders', () => {
    for (const [seed, program] of networks.slice(0, 6).entries()) {
      const random = seeded(1000 + seed)
      let best = Infinity
      for (let i = 0; i < 1000; i++)
        best = Math.min(
          best,
          planOrder(
            program,
            orderBy(program.steps, (ready) => random.below(ready.length)),
          ).arenaBytes,
        )
      expect(plan(program).arenaBytes).toBeLessThanOrEqual(1.1 * best)
    }
  })
})

test('an output takes the place of an input that dies with it, and only then', () => {
  const [x, a, b, y] = [
    buffer('x', 10, 'input'),
    buffer('a', 100),
    buffer('b', 100),
    buffer('y', 100, 'output'),
  ]
  const chain = (last: Step): Program => ({
    inputs: [x],
    outputs: [y],
    states: [],
    steps: [step([x], [a]), step([a], [b], { inPlace: [0] }), last],
  })
  expect(plan(chain(step([b], [y]))).arenaBytes).toBe(400)
  expect(plan(chain(step([a, b], [y]))).arenaBytes).toBe(800)
})

test('a view keeps what it shows alive', () => {
  const [x, a, c, y] = [
    buffer('x', 10, 'input'),
    buffer('a', 100),
    buffer('c', 100),
    buffer('y', 1, 'output'),
  ]
  const view: Buffer = { ...buffer('v', 100), of: a }
  const planned = plan({
    inputs: [x],
    outputs: [y],
    states: [],
    steps: [step([x], [a]), step([x], [c]), step([view, c], [y])],
  })
  expect(clashes(planned)).toEqual([])
  expect(planned.arenaBytes).toBe(800)
})
