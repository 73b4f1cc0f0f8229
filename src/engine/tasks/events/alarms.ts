/**
 * Alarms held against events. An event is a stretch of samples that are labelled so, an alarm one of samples whose score
 * is above the threshold, neither beyond its clip. An event is found by the first such sample within it; an alarm that
 * touches no event is false, however long it lasts.
 */

/** Samples of clips in order. */
interface Line {
  truth: readonly boolean[]
  alarm: readonly boolean[]
  /** Whether a sample goes on where the one before it ended. */
  follows: readonly boolean[]
}

interface Alarms {
  /** Every event: its first sample, and after how many samples it was found. */
  events: { at: number; delay?: number }[]
  /** First samples of false alarms. */
  falseAlarms: number[]
}

/** [from, to) of every stretch of samples that are marked. */
function stretches(marked: readonly boolean[], follows: readonly boolean[]): [from: number, to: number][] {
  const found: [number, number][] = []
  for (const [i, yes] of marked.entries()) {
    if (!yes) continue
    const last = found.at(-1)
    if (last && last[1] === i && follows[i]) last[1] = i + 1
    else found.push([i, i + 1])
  }
  return found
}

export function alarmsOf({ truth, alarm, follows }: Line): Alarms {
  const events = stretches(truth, follows).map(([at, to]) => {
    const first = alarm.slice(at, to).indexOf(true)
    return first < 0 ? { at } : { at, delay: first }
  })
  const falseAlarms = stretches(alarm, follows).flatMap(([from, to]) =>
    truth.slice(from, to).includes(true) ? [] : [from],
  )
  return { events, falseAlarms }
}

/** How often each is there, samples counted as often as their weights say. */
export function counted(
  { events, falseAlarms }: Alarms,
  weights?: Float64Array,
): { found: number; missed: number; falseAlarms: number; f1: number } {
  const weigh = (at: number): number => (weights ? weights[at]! : 1)
  let [found, missed, wrong] = [0, 0, 0]
  for (const { at, delay } of events)
    if (delay === undefined) missed += weigh(at)
    else found += weigh(at)
  for (const at of falseAlarms) wrong += weigh(at)
  const all = 2 * found + missed + wrong
  return { found, missed, falseAlarms: wrong, f1: all > 0 ? (2 * found) / all : 1 }
}
