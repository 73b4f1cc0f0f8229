/**
 * Steps that share a function: bodies that differ in sizes alone are one, with those as parameters, where that takes less
 * flash; and limits are written where a call has such a limit, as a compiler may not leave out a comparison with infinity.
 */
import type { Buffer, Step } from './program'

/** An int32_t in a body that may become a parameter of its function. */
export const size = (number: number): string => `«${number}»`

const SIZE = /«(-?\d+)»/g

/** Code in a body that is left out where no step of the function needs it. */
export const where = (isNeeded: boolean, code: string): string => `«${isNeeded ? '!' : '?'}${code}»`

const WHERE = /«([?!])([^»]*)»/g

/** A variable within `lo` and `hi`, in a body. */
export const limited = (variable: string): string => `limited(${variable})`

const LIMITED = /\blimited\(([\w[\]]+)\)/g

/** Limits of a layer whose outputs have none, which an activation behind it may narrow. */
export const UNLIMITED: NonNullable<Step['floats']> = [
  ['lo', -Infinity],
  ['hi', Infinity],
]

/** Characters of source a byte of code, and bytes of code that a call takes to hand over a size. */
const CHARACTERS = 6
const A_SIZE = 8

const types = (buffers: readonly Buffer[] = []): string => buffers.map(({ dtype }) => dtype).join()

/** What functions of one text have in common, with sizes left open. */
const templateOf = ({ reads, writes, scratch, params = [], body }: Step): string =>
  [
    types(reads),
    types(writes),
    types(scratch),
    params.map(([name]) => name).join(),
    body.replaceAll(SIZE, '«»').replaceAll(WHERE, '«$2»'),
  ].join('|')

type Param = NonNullable<Step['params']>[number]

/** Names of the sizes in the order of the body, and the values of those that become parameters, by the step. */
interface Group {
  names: readonly (string | undefined)[]
  added: ReadonlyMap<Step, readonly Param[]>
  finite: ReadonlySet<string>
  /** Whether some step needs what may be left out. */
  needs: boolean
}

const sizesOf = (body: string): number[] => Array.from(body.matchAll(SIZE), ([, number]) => Number(number))

function groupOf(steps: readonly Step[]): Group {
  const sizes = steps.map(({ body }) => sizesOf(body))
  /** Values by step of what a parameter gives, by its name. */
  const known = new Map<string, string>()
  const column = (values: readonly (number | string)[]): string => values.join()
  for (const [i, [name]] of (steps[0]!.params ?? []).entries())
    known.set(column(steps.map(({ params }) => params![i]![1])), name)
  const added: { name: string; at: number }[] = []
  const names = sizes[0]!.map((first, at) => {
    if (sizes.every((one) => one[at] === first)) return undefined
    const values = column(sizes.map((one) => one[at]!))
    const name = known.get(values) ?? `size${added.length}`
    if (!known.has(values)) added.push({ name, at })
    known.set(values, name)
    return name
  })
  const isLimited = (name: string): boolean =>
    steps.some(({ floats = [] }) => floats.some(([one, value]) => one === name && Number.isFinite(value)))
  return {
    names,
    added: new Map(
      steps.map((step, i) => [step, added.map(({ name, at }): Param => [name, sizes[i]![at]!])]),
    ),
    needs: steps.some(({ body }) => body.includes('«!')),
    finite: new Set(['lo', 'hi'].filter(isLimited)),
  }
}

function by(steps: readonly Step[], keyOf: (step: Step) => string): Map<string, Step[]> {
  const found = new Map<string, Step[]>()
  for (const step of steps) found.set(keyOf(step), [...(found.get(keyOf(step)) ?? []), step])
  return found
}

/** Those of one body each, or all of them where one function for all takes less. */
function groupsOf(steps: readonly Step[]): Group[] {
  const bodies = by(steps, ({ body }) => body)
  if (bodies.size > 1) {
    const whole = groupOf(steps)
    const [, added] = [...whole.added][0]!
    const saved = ((bodies.size - 1) * steps[0]!.body.length) / CHARACTERS
    if (saved > steps.length * added.length * A_SIZE) return [whole]
  }
  return [...bodies.values()].map(groupOf)
}

export class Sharing {
  private readonly groups = new Map<Step, Group>()

  constructor(steps: readonly Step[]) {
    for (const alike of by(steps, templateOf).values())
      for (const group of groupsOf(alike)) for (const step of group.added.keys()) this.groups.set(step, group)
  }

  /** The step as it is written. */
  of(step: Step): Step {
    const { names, added, finite, needs } = this.groups.get(step)!
    const within = (_: string, t: string): string =>
      `${finite.has('lo') ? `${t} < lo ? lo : ` : ''}${finite.has('hi') ? `${t} > hi ? hi : ` : ''}${t}`
    let at = 0
    return {
      ...step,
      params: [...(step.params ?? []), ...added.get(step)!],
      floats: (step.floats ?? []).filter(([name]) => finite.has(name)),
      body: step.body
        .replaceAll(SIZE, (_, number: string) => names[at++] ?? number)
        .replaceAll(WHERE, needs ? '$2' : '')
        .replaceAll(LIMITED, within),
    }
  }
}
