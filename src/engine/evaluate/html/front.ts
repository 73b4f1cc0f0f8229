/** What a search found besides: the front it leaves to choose from. */
import type { SearchResult, Trial } from '../../../contract/trial'
import { formatBytes } from '../format'
import { cell, paragraph, section, table, type Cell } from './parts'

export type FrontOf = Pick<SearchResult, 'front' | 'trials'> & { winner?: Pick<Trial, 'key'> }

export function tradeOff({ front, trials, winner }: FrontOf): string {
  const placed = front.flatMap((key) => trials.filter((trial) => trial.key === key))
  const estimated = placed.find(({ targetLatency }) => targetLatency)?.targetLatency
  const rows = placed.map((trial) => [
    cell(trial.recipe.name, trial.key === winner?.key ? 'the one reported here' : undefined),
    cell(formatBytes(trial.downloadBytes)),
    cell(`${trial.pointsLost?.toFixed(2) ?? '–'} points`, `on ${trial.quality?.samples ?? 0} samples`),
    measured(trial),
    ...(estimated ? [cell(trial.targetLatency ? `${trial.targetLatency.ratio.toFixed(2)}×` : '–')] : []),
  ])
  const head = ['', 'Download', 'Quality lost', 'Time, measured on this machine']
  if (estimated) head.push(`Time on ${estimated.target}, an estimate`)
  return section(
    'Others to choose from',
    rows.length ? table(head, rows, 'The trade-off front of the search, smallest download first') : '',
    rows.length
      ? paragraph(
          "Times are shares of the original's. One recipe counts as faster than another only where it is clearly so: by a tenth, or more where the machine was noisy.",
          'small',
        )
      : '',
  )
}

function measured({ latencyRatio, latencyInterval }: Trial): Cell {
  if (latencyRatio === undefined) return cell('–', undefined, 'muted')
  const [low, high] = latencyInterval ?? []
  const spread = low === undefined ? undefined : `${low.toFixed(2)} to ${high!.toFixed(2)}`
  return cell(`${latencyRatio.toFixed(2)}×`, spread)
}
