/** The outcome of a search in one paragraph: what was done, what it cost, what was tried and lost. */
import { formatBytes, formatEnds, plural } from '../../contract/format'
import { clearlyFaster, timeMargin } from '../../contract/front'
import { fasterText, footprintText, ratioText, sizesText, timeDetail } from '../../contract/verdict'
import { amountText, isShare, lossText } from '../../contract/points'
import { formatMetric, isQuality } from '../../contract/metrics'
import { isInside, shippedBytes, violatedLimits, timeOf } from './limits'
import { isNormalizer } from './recipes'
import type { Quality } from '../../contract/report'
import type { Confirmation, SearchResult, Trial } from '../../contract/trial'

type Result = Omit<SearchResult, 'explanation'>

const lossOf = ({ quality, pointsLost }: Trial): string =>
  quality && pointsLost !== undefined ? lossText(quality, pointsLost) : 'with its quality not measured'
function sizeText(
  { bytes, downloadBytes }: Trial,
  { originalDownloadBytes: original, goal }: Result,
): string {
  const file = goal.maxBytes === undefined ? '' : `, its file ${formatBytes(bytes)}`
  return `${ratioText(original, downloadBytes, 'smaller', 'larger', 'as large')} to download (${formatBytes(downloadBytes)} instead of ${formatBytes(original)})${file}`
}

/** Likeness on random inputs is no quality, and is not to be read as one. */
const basisOf = (quality: Quality): string => {
  if (isQuality(quality)) return `${quality.samples} samples`
  const unlabelled = quality.task === 'unlabelled' ? 'samples without labels' : 'samples'
  const inputs = quality.split === 'random' ? 'random inputs' : unlabelled
  return `${quality.samples} ${inputs} (likeness to the original; quality unknown)`
}

function lead(trial: Trial, result: Result): string {
  const { recipe, quality, latencyRatio, targetLatency, footprint, steps } = trial
  // Cleaning up comes before everything and is no news.
  const done = steps.filter((_, at) => !isNormalizer(recipe.steps[at]?.pass))
  const searched = quality ? ` on the ${basisOf(quality)} the search went by` : ''
  const time = latencyRatio === undefined ? '' : `; on this machine ${measuredText(trial)}`
  const there = targetLatency
    ? `; on ${targetLatency.target} ${fasterText(targetLatency.ratio)}, an estimate from operator costs`
    : ''
  const board = footprint ? `; ${footprintText(footprint)}` : ''
  return `“${recipe.name}”: ${sizeText(trial, result)}, ${lossOf(trial)}${searched}${board}${time}${there}. ${done.join(' ')}`.trim()
}

const measuredText = ({ latencyRatio: value = 1, latencyInterval: interval }: Trial): string =>
  interval ? timeDetail({ value, interval }) : fasterText(value)

export function explain(result: Result): string {
  const { winner, closest, trials, rejected, leftOut } = result
  const sentences: string[] = []
  if (winner) sentences.push(`The smallest inside your limits is ${lead(winner, result)}`, proof(result))
  else if (closest)
    sentences.push(
      `Nothing that was tried is inside your limits. The closest is ${lead(closest, result)}`,
      `Against it: ${violatedLimits(closest, result.goal).join('; ') || againstText(closest, result)}.`,
    )
  else sentences.push('Nothing that was tried gave a working model.')
  const [smaller] = rejected
  if (smaller && smaller.trial.key !== closest?.key)
    sentences.push(unconfirmed(smaller, rejected.length, result.goal))
  sentences.push(...forSpeed(winner, result), tally(trials), ...temptation(result))
  if (leftOut > 0)
    sentences.push(`Time ended with ${plural(leftOut, 'idea', 'ideas')} of the last round untried.`)
  return sentences.join(' ')
}

/** Of the front and inside the limits, the fastest, where it is clearly faster than `trial`. */
export function fasterThan(
  trial: Trial,
  { front, trials, goal }: Omit<Result, 'rejected'>,
): Trial | undefined {
  const placed = trials.filter(({ key }) => front.includes(key))
  const margin = timeMargin([...placed, trial].map(timeOf))
  return placed
    .filter((other) => isInside(other, goal) && clearlyFaster(timeOf(other), timeOf(trial), margin))
    .sort((a, b) => timeOf(a)!.value - timeOf(b)!.value || (a.key < b.key ? -1 : 1))[0]
}

/** Larger than the winner, and worth it where time counts more. */
function forSpeed(winner: Trial | undefined, result: Result): string[] {
  const fast = winner && fasterThan(winner, result)
  if (!fast) return []
  const { targetLatency, recipe } = fast
  const where = targetLatency
    ? ` on ${targetLatency.target}, an estimate from operator costs,`
    : ', measured on this machine,'
  return [
    `Where speed counts more: “${recipe.name}” is ${targetLatency ? fasterText(targetLatency.ratio) : measuredText(fast)}${where} at ${sizesText(fast, result.goal)}, ${lossOf(fast)} on the search's samples.`,
  ]
}

/** Smaller ones that only did well on the samples the search went by. */
function unconfirmed(
  { trial, confirmation }: Result['rejected'][number],
  count: number,
  goal: Result['goal'],
): string {
  const change = `went from ${lossOf(trial)} to ${lossText(confirmation.candidate, confirmation.pointsLost)}`
  const name = `“${trial.recipe.name}” (${sizesText(trial, goal)})`
  const told = count === 1 ? `${name} ${change}` : `the smallest, ${name}, ${change}`
  return `${count === 1 ? 'One smaller recipe' : `${count} smaller recipes`} did well on the search's samples but not on those kept back: ${told}.`
}

/** What the samples that no trial has seen say of the winner. */
function proof({ confirmation, confirmed, goal }: Result): string {
  if (!confirmation)
    return 'There were too few samples to keep some back, so this figure is not confirmed on others.'
  const { pointsLost, original, candidate } = confirmation
  const goes = `${candidate.metric} goes from ${formatMetric(original.metric, original.value)} to ${formatMetric(candidate.metric, candidate.value)}`
  const figures = `On ${basisOf(candidate)} the search never used, ${goes}, ${lossText(candidate, pointsLost)} (${intervalText(confirmation)})`
  const surer = confirmed ? ` ${surerText(confirmed.trial, confirmed.confirmation, goal)}` : ''
  return `${figures}: ${verdictText(confirmation, amountText(candidate.metric, goal.maxDrop))}${surer}`
}

function verdictText({ verdict, candidate, together }: Confirmation, allowed: string): string {
  if (verdict === 'confirmed') return `confirmed, the whole interval is within the ${allowed} allowed.`
  if (verdict === 'within' && !isQuality(candidate))
    return `within the ${allowed} allowed there too, as far as likeness tells.`
  const more = 'More validation samples would settle it.'
  return verdict === 'within'
    ? `not confirmed. The loss is within the ${allowed} allowed there too, but so few samples do not rule out a larger one. ${more}`
    : `not confirmed. That is more than the ${allowed} allowed, though no more than chance explains on so few samples; ${lossText(candidate, together)} on all samples together. ${more}`
}

/** An interval that several were looked at for says so: it is wider than that of one alone. */
function intervalText({ interval, rank, candidate }: Confirmation): string {
  const [low, high] = formatEnds(interval).map((end) => end.replace('-', '−'))
  const unit = isShare(candidate.metric) ? ' points' : '%'
  const widened = rank > 1 ? `, widened for the ${rank} recipes looked at` : ''
  return `95% interval of the loss${widened}: ${low} to ${high}${unit}`
}

const surerText = (trial: Trial, confirmation: Confirmation, goal: Result['goal']): string =>
  `Confirmed on them is “${trial.recipe.name}” at ${sizesText(trial, goal)}, ${lossText(confirmation.candidate, confirmation.pointsLost)} (${intervalText(confirmation)}).`

function againstText(closest: Trial, { rejected }: Result): string {
  const own = rejected.find(({ trial }) => trial.key === closest.key)
  return own
    ? `on the ${own.confirmation.candidate.samples} samples kept back it is ${lossText(own.confirmation.candidate, own.confirmation.pointsLost)}`
    : 'the samples kept back speak against it'
}

function tally(trials: readonly Trial[]): string {
  const count = (state: Trial['state']): number => trials.filter((trial) => trial.state === state).length
  const [dropped, failed, cut] = [count('dropped'), count('failed'), count('out-of-time')]
  const seconds = trials.reduce((sum, trial) => sum + trial.seconds, 0)
  const time =
    seconds < 90 ? plural(Math.round(seconds), 'second', 'seconds') : `${Math.round(seconds / 60)} minutes`
  // Side by side trials take more than the search did.
  const parts = [`${plural(trials.length, 'recipe was', 'recipes were')} tried, ${time} of computing`]
  if (dropped > 0) parts.push(`${dropped} given up early as hopeless`)
  if (cut > 0) parts.push(`${cut} cut short by the end of the time`)
  const broken = trials.find((trial) => trial.state === 'failed')
  if (broken)
    parts.push(
      `${failed} could not be carried out (${failed > 1 ? 'among them ' : ''}${broken.reason.replace(/\.$/, '')})`,
    )
  return `${parts.join(', ')}.`
}

/** The least lossy of what is clearly smaller and over the limits: what a little more loss would buy. */
function temptation({ trials, goal, winner, closest }: Result): string[] {
  const told = winner ?? closest
  const over = trials
    .filter(
      (trial) =>
        trial.state === 'kept' &&
        shippedBytes(trial) < 0.9 * (told ? shippedBytes(told) : 0) &&
        violatedLimits(trial, goal).length > 0,
    )
    .sort((a, b) => (a.pointsLost ?? Infinity) - (b.pointsLost ?? Infinity))
  const [next] = over
  if (!next) return []
  return [
    `Smaller but over the limit: “${next.recipe.name}” at ${sizesText(next, goal)}, where ${violatedLimits(next, goal).join(' and ')}.`,
  ]
}
