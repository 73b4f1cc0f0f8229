/** The three answers before everything else, as the window gives them: bars from zero, one colour a model. */
import { formatBytes, formatMilliseconds, formatTimes } from '../../../contract/format'
import { formatMetric, maybeChance, qualityText } from '../../../contract/metrics'
import { metricWords } from '../../../contract/metric-table'
import { isShare } from '../../../contract/points'
import type { Report } from '../../../contract/report'
import { isApart, originalTimes, ratioText, speedText } from '../../../contract/verdict'
import type { Named } from './overview'
import { escape } from './parts'

interface Answer {
  title: string
  /** What the first candidate changed, in large type. */
  said: string
  better?: boolean
  /** Of each model in turn; what was not measured beside the others has none. */
  value: (report: Report) => number | undefined
  text: (value: number) => string
  /** Where bars end, if not with the longest. */
  most?: number
}

function answersOf(original: Report, [first, ...others]: readonly Named[]): Answer[] {
  const after = first!.report
  const { metric } = original.quality
  const reports = [after, ...others.map(({ report }) => report)]
  const ratio = after.latencyRatio
  const change = after.qualityChange
  return [
    {
      title: 'To download',
      said: ratioText(original.downloadBytes, after.downloadBytes, 'smaller', 'larger', 'same size'),
      ...(original.downloadBytes !== after.downloadBytes && {
        better: after.downloadBytes < original.downloadBytes,
      }),
      value: (report) => report.downloadBytes,
      text: formatBytes,
    },
    {
      title: 'Time per answer',
      said: speedText(after),
      ...(ratio && isApart(ratio) && { better: ratio.value < 1 }),
      ...(originalTimes(original, reports)
        ? { value: (report: Report) => report.latencyMs.p50, text: formatMilliseconds }
        : {
            value: (report: Report) => (report === original ? 1 : report.latencyRatio?.value),
            text: (value: number) => `${formatTimes(value)} the original’s`,
          }),
    },
    {
      title: metricWords(metric).name,
      said: qualityText(original, after),
      ...(change && !maybeChance(change) && { better: change.value > 0 === original.quality.higherIsBetter }),
      value: (report) => report.quality.value,
      text: (value) => formatMetric(metric, value),
      ...(isShare(metric) && { most: 1 }),
    },
  ]
}

export function hero(original: Report, candidates: readonly Named[]): string {
  const all: Named[] = [{ name: 'Original', report: original, kind: 'original' }, ...candidates]
  const cards = answersOf(original, candidates).map(({ title, said, better, value, text, most }) => {
    const sides = all.flatMap(({ name, report, kind }) => {
      const known = value(report)
      return known === undefined ? [] : [{ name, kind, value: known }]
    })
    const end = most ?? Math.max(...sides.map((side) => side.value), Number.MIN_VALUE)
    const tone = better === undefined ? '' : better ? ' good' : ' bad'
    const rows = sides.map(
      (side) =>
        `<li><span><i class="${side.kind}"></i>${escape(side.name)}</span><b>${escape(text(side.value))}</b><span class="track"><span class="${side.kind}" style="width:${((100 * Math.max(0, side.value)) / end).toFixed(1)}%"></span></span></li>`,
    )
    return `<div><h2>${escape(title)}</h2><p class="said${tone}">${escape(said)}</p><ul>${rows.join('')}</ul></div>`
  })
  return `<div class="hero">${cards.join('')}</div>`
}
