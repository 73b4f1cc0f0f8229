/** Finalists held against samples that no trial has seen. */
import { byObjective, isInside, timeOf } from './limits'
import type { SearchOptions } from './options'
import { POLICY } from './policy'
import { timeThese } from './timing'
import { lossOf, type Loss } from '../evaluate/paired'
import { measureQuality } from '../evaluate/quality'
import { widening } from '../math/statistics'
import { within } from '../../contract/limits'
import { isQuality } from '../../contract/metrics'
import type { Confirmation, Trial } from '../../contract/trial'

interface Held {
  trial: Trial
  confirmation: Confirmation
}

export interface Confirmed {
  winner?: Trial
  confirmation?: Confirmation
  rejected: Held[]
  /** Where the winner is not confirmed: the smallest of those looked at that is. */
  confirmed?: Held
}

/**
 * The smallest trial inside all limits that is within the floor on the kept-back samples as well; where none is, on
 * few samples each worth much, the smallest whose kept-back loss chance explains and that is within the floor on
 * all samples together. Neither is confirmed by that: see `verdictOf`.
 */
export async function confirmFirst(measured: readonly Trial[], options: SearchOptions): Promise<Confirmed> {
  const { goal, parts } = options.runner
  const ordered = measured.filter((trial) => isInside(trial, goal)).sort(byObjective)
  const { finalists, finalGroups, finalGroupsTimed } = POLICY
  const groups = goal.maxLatency === undefined ? finalGroups : finalGroupsTimed
  const held: Held[] = []
  for (let from = 0; from < Math.min(ordered.length, groups * finalists); from += finalists) {
    const group = await fastEnough(ordered.slice(from, from + finalists), options)
    if (group.length === 0) continue
    if (parts.confirm.splits.validation.length === 0) return { winner: group[0], rejected: [] }
    held.push(...(await heldAgainst(group, held.length, options)))
    const at = held.findIndex(({ confirmation }) => within(confirmation.pointsLost, goal.maxDrop))
    if (at >= 0) return chosen(held, at)
  }
  const at = held.findIndex(({ confirmation }) => confirmation.verdict === 'not-contradicted')
  return at >= 0 ? chosen(held, at) : { rejected: held }
}

function chosen(held: readonly Held[], at: number): Confirmed {
  const { trial, confirmation } = held[at]!
  const confirmed = held.find((one) => one.confirmation.verdict === 'confirmed')
  return {
    winner: trial,
    confirmation,
    rejected: held.slice(0, at),
    ...(confirmation.verdict !== 'confirmed' && confirmed && { confirmed }),
  }
}

/** Those of a group that are fast enough, timed where that is asked for and not known. */
async function fastEnough(group: readonly Trial[], options: SearchOptions): Promise<Trial[]> {
  const { goal } = options.runner
  if (goal.maxLatency === undefined) return [...group]
  options.progress(0.95, 'measuring the latency of the finalists')
  await timeThese(
    group.filter((trial) => !timeOf(trial)),
    options,
  )
  return group.filter((trial) => isInside(trial, goal))
}

async function heldAgainst(
  group: readonly Trial[],
  lookedAt: number,
  options: SearchOptions,
): Promise<Held[]> {
  const { parts, original, goal, signal } = options.runner
  options.progress(0.97, 'confirming the winner on samples the search never used')
  const files = group.map((trial) => options.fileOf(trial.key))
  const measured = await measureQuality(original, files, { dataset: parts.confirm, signal })
  return group.map((trial, at) => {
    const candidate = measured.candidates[at]!
    const rank = lookedAt + at + 1
    const loss = widened(lossOf(measured.original, candidate), alphaOf(rank))
    const [searched, back] = [trial.quality!.samples, candidate.quality.samples]
    const together = (trial.pointsLost! * searched + loss.points * back) / (searched + back)
    const confirmation: Confirmation = {
      original: measured.original.quality,
      candidate: candidate.quality,
      pointsLost: loss.points,
      interval: [loss.low, loss.high],
      rank,
      together,
      // Likeness to the original proves nothing of quality.
      verdict: verdictOf(loss, together, goal.maxDrop, isQuality(candidate.quality) ? back : 0),
    }
    return { trial, confirmation }
  })
}

/**
 * What the interval of the n-th finalist looked at may leave out, both ends together. The upper ends alone add up
 * to 1/20 over however many are looked at, Σ 1/(n(n+1)) = 1: so often at most is any of them confirmed wrongly.
 * Source: weighted Bonferroni, C. Genovese et al., Biometrika 93 (2006) 509–524.
 */
export const alphaOf = (rank: number): number => 0.1 / (rank * (rank + 1))

/** A 95% interval made to leave out `alpha` only, on either side by its own width. */
function widened({ points, low, high }: Loss, alpha: number): Loss {
  const by = widening(alpha)
  return { points, low: points + by * (low - points), high: points + by * (high - points) }
}

/** Confirmed is what the kept-back samples bear out up to the upper end of the loss's interval, not the loss alone. */
export function verdictOf(
  { points, low, high }: Loss,
  together: number,
  maxDrop: number,
  samples: number,
): Confirmation['verdict'] {
  if (within(high, maxDrop) && samples >= POLICY.confirmLeast) return 'confirmed'
  if (within(points, maxDrop)) return 'within'
  return low <= maxDrop && within(together, maxDrop) ? 'not-contradicted' : 'contradicted'
}
