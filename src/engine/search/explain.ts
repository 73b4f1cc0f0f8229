/** The outcome of a search in one paragraph: what was done, what it cost, what was tried and lost. */
import { formatBytes } from '../../contract/format'
import type { SearchGoal } from '../../contract/goal'
import { formatMetric } from '../evaluate/format'
import { obstacles } from './limits'
import type { SearchResult, Trial } from '../../contract/search'

const times = (ratio: number): string => `${ratio.toPrecision(3)}×`
const points = (value: number): string => `${Math.abs(value).toFixed(2)} points`

const lossText = (lost: number): string =>
  lost > 0 ? `losing ${points(lost)}` : lost < 0 ? `gaining ${points(lost)}` : 'losing nothing'

function lead(trial: Trial, originalDownload: number): string {
  const did = trial.steps.join(' ')
  return `${trial.recipe.name}: ${times(originalDownload / trial.downloadBytes)} smaller to download, ${lossText(trial.pointsLost ?? 0)} on the samples the search used. ${did}`.trim()
}

export function explain(result: Omit<SearchResult, 'explanation'>): string {
  const sentences: string[] = []
  const { goal, winner, closest, confirmation, trials, originalDownloadBytes: originalDownload } = result
  if (winner) sentences.push(`The smallest inside your limits is ${lead(winner, originalDownload)}`)
  else if (closest)
    sentences.push(
      `Nothing that was tried is inside your limits. The closest is ${lead(closest, originalDownload)} Against it: ${obstacles(closest, goal).join('; ') || 'the kept-back samples contradict it'}.`,
    )
  else sentences.push('Nothing that was tried gave a working model.')
  if (confirmation) {
    const { verdict, pointsLost, together, original, candidate } = confirmation
    const said =
      verdict === 'confirmed'
        ? 'inside the floor there too'
        : `over the floor there by no more than chance explains on so few, and ${lossText(together)} on all samples together`
    sentences.push(
      `On ${candidate.samples} samples the search never used, ${candidate.metric} goes from ${formatMetric(original.metric, original.value)} to ${formatMetric(candidate.metric, candidate.value)} (${lossText(pointsLost)}): ${said}.`,
    )
  } else if (winner)
    sentences.push('There were too few samples to keep some back, so this figure is not confirmed on others.')
  for (const { trial, confirmation: against } of result.rejected.slice(0, 1))
    sentences.push(
      `Smaller was ${trial.recipe.name} (${formatBytes(trial.downloadBytes)}), but the kept-back samples speak against it (${lossText(against.pointsLost)} there, ${lossText(against.together)} on all together).`,
    )
  sentences.push(tally(trials, goal, winner ?? closest))
  if (result.leftOut > 0) sentences.push(`Time ended with ${result.leftOut} ideas of the last round untried.`)
  return sentences.join(' ')
}

function tally(trials: readonly Trial[], goal: SearchGoal, told: Trial | undefined): string {
  const dropped = trials.filter((trial) => trial.state === 'dropped').length
  const failed = trials.filter((trial) => trial.state === 'failed').length
  const cut = trials.filter((trial) => trial.state === 'out-of-time').length
  const over = trials.filter(
    (trial) =>
      trial.state === 'kept' &&
      trial.downloadBytes < (told?.downloadBytes ?? 0) &&
      obstacles(trial, goal).length > 0,
  )
  const temptation = over.sort((a, b) => a.downloadBytes - b.downloadBytes)[0]
  const parts = [`${trials.length} recipes were tried`]
  if (dropped > 0) parts.push(`${dropped} were given up early`)
  if (cut > 0) parts.push(`${cut} met the end of the time`)
  if (failed > 0) parts.push(`${failed} could not be carried out`)
  const text = `${parts.join(', ')}.`
  if (!temptation) return text
  return `${text} Smaller but over the limit was ${temptation.recipe.name} (${formatBytes(temptation.downloadBytes)}, ${lossText(temptation.pointsLost ?? 0)}).`
}
