/** Samples that are steps of clips, as a streaming model gets them: they stay in order, and clips together. */
import type { Random } from '../math/random'

/** Whether the sample at `index` is the next step of the clip after the one at `before`. */
export type GoesOn = (index: number, before: number) => boolean

/** Fewer clips than this are cut, so that every split has some. */
const FEWEST_CLIPS = 8
/** A clip that is cut keeps at least so many steps: errors gather in a state by and by. */
const LEAST_STEPS = 16

/** Items in clips: those that go on where the one before them ended. */
export function clipsOf(items: readonly number[], goesOn: GoesOn | undefined): number[][] {
  const clips: number[][] = []
  for (const [i, item] of items.entries())
    if (i > 0 && goesOn?.(item, items[i - 1]!)) clips.at(-1)!.push(item)
    else clips.push([item])
  return clips
}

/** The steps of a clip up to one of them. */
export function clipUpTo(index: number, goesOn: GoesOn | undefined): number[] {
  let from = index
  while (from > 0 && goesOn?.(from, from - 1)) from--
  return Array.from({ length: index - from + 1 }, (_, i) => from + i)
}

/** A random order of clips as wholes; of single items without `goesOn`. */
export const shuffledClips = (
  items: readonly number[],
  random: Random,
  goesOn: GoesOn | undefined,
): readonly number[] => (goesOn ? random.shuffle(clipsOf(items, goesOn)).flat() : random.shuffle(items))

const isNext =
  (follows: (index: number) => boolean): GoesOn =>
  (index, before) =>
    index === before + 1 && follows(index)

/** All samples in an order of which every part is a fair one: clips are shuffled, and cut where they are few. */
export function clipOrder(length: number, follows: (index: number) => boolean, random: Random): Uint32Array {
  const all = Array.from({ length }, (_, i) => i)
  const clips = clipsOf(all, isNext(follows))
  const most =
    clips.length >= FEWEST_CLIPS ? Infinity : Math.max(LEAST_STEPS, Math.ceil(length / LEAST_STEPS))
  const pieces = clips.flatMap((clip) => {
    const count = Math.max(1, Math.ceil(clip.length / most))
    const size = Math.ceil(clip.length / count)
    return Array.from({ length: count }, (_, i) => clip.slice(i * size, (i + 1) * size))
  })
  return Uint32Array.from(random.shuffle(pieces).flat())
}

/** The number of samples nearest to `count` from `from` on that cuts no clip and leaves some; else `count` itself. */
export function wholeClips(
  order: ArrayLike<number>,
  follows: (index: number) => boolean,
  from: number,
  count: number,
): number {
  const ends = (at: number): boolean => !isNext(follows)(order[at]!, order[at - 1]!)
  for (let off = 0; off < order.length; off++)
    for (const wanted of [count + off, count - off])
      if (wanted > 0 && from + wanted < order.length && ends(from + wanted)) return wanted
  return count
}

/** What is said of the samples that are judged; nothing where no clip of theirs is longer than a step, or no state is carried. */
export function clipNote(
  order: readonly number[],
  follows: (index: number) => boolean,
  states: readonly string[],
): string[] {
  const lengths = clipsOf(order, isNext(follows)).map((clip) => clip.length)
  const [least, most] = [Math.min(...lengths), Math.max(...lengths)]
  if (most < 2 || states.length === 0) return []
  const steps = least === most ? String(most) : `${least} to ${most}`
  return [
    `State carried through clips of ${steps} steps: each model gets its own ${states.join(', ')} back, as in streaming use.`,
  ]
}
