/** What a search found besides: the front it leaves to choose from. */
import type { SearchResult, Trial } from '../../../contract/trial'
import { formatBytes } from '../../../contract/format'
import { isQuality } from '../../../contract/metrics'
import { amountText } from '../../../contract/points'
import { fasterText, timeDetail } from '../../../contract/verdict'
import { cell, paragraph, section, table, type Cell } from './parts'

export type FrontOf = Pick<SearchResult, 'front' | 'trials'> & {
  winner?: Pick<Trial, 'key'>
  goal?: Pick<SearchResult['goal'], 'maxBytes'>
}

export function tradeOff({ front, trials, winner, goal }: FrontOf): string {
  const placed = front.flatMap((key) => trials.filter((trial) => trial.key === key))
  const estimated = placed.find(({ targetLatency }) => targetLatency)?.targetLatency
  // What is limited is told beside what is sorted by.
  const limited = goal?.maxBytes !== undefined
  const rows = placed.map((trial) => [
    cell(trial.recipe.name, trial.key === winner?.key ? 'the one reported here' : undefined),
    ...(limited ? [cell(formatBytes(trial.bytes))] : []),
    cell(formatBytes(trial.downloadBytes)),
    lost(trial),
    measured(trial),
    ...(estimated ? [cell(trial.targetLatency ? fasterText(trial.targetLatency.ratio) : '–')] : []),
  ])
  const head = [
    '',
    ...(limited ? ['File'] : []),
    'Download',
    placed.every(({ quality }) => !quality || isQuality(quality)) ? 'Quality lost' : 'Likeness lost',
    'Time, measured on this machine',
  ]
  if (estimated) head.push(`Time on ${estimated.target}, an estimate`)
  return section(
    'Others to choose from',
    rows.length ? table(head, rows, 'The trade-off front of the search, smallest download first') : '',
    rows.length
      ? paragraph(
          "Times are against the original's, in brackets the 95% interval. One recipe counts as faster than another only where it is clearly so: by a tenth, or more where the machine was noisy.",
          'small',
        )
      : '',
  )
}

function lost({ pointsLost, quality }: Trial): Cell {
  if (pointsLost === undefined || !quality) return cell('–', undefined, 'muted')
  const on = quality.split === 'random' ? 'random inputs' : 'samples'
  return cell(amountText(quality.metric, pointsLost), `on ${quality.samples} ${on}`)
}

function measured({ latencyRatio: value, latencyInterval: interval }: Trial): Cell {
  if (value === undefined) return cell('–', undefined, 'muted')
  return cell(interval ? timeDetail({ value, interval }) : fasterText(value))
}
