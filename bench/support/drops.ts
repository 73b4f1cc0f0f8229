/** What quantizing costs on average over models, beside each method of another tool on the same models. */
import type { Figure } from './figure'

export interface Baseline {
  model: string
  method: string
  /** Of the metric; absent where the tool failed. */
  value?: number
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

/**
 * `ours`: float less quantized, by model. Their methods count where there is a figure for every one of these
 * models. Asked is at most half of what the least costly of theirs costs.
 */
export function dropsByMethod(
  baselines: readonly Baseline[],
  ours: ReadonlyMap<string, number>,
  family: string,
): Figure[] {
  const valueOf = (model: string, method: string): number | undefined =>
    baselines.find((figure) => figure.model === model && figure.method === method)?.value
  const theirs = [...new Set(baselines.map(({ method }) => method))]
    .filter((method) => method.startsWith(family))
    .flatMap((method) => {
      const drops = [...ours.keys()].map((model) => valueOf(model, 'fp32')! - valueOf(model, method)!)
      return drops.every(Number.isFinite) ? [{ method, drop: mean(drops) }] : []
    })
  if (theirs.length === 0) return []
  const least = Math.min(...theirs.map(({ drop }) => drop))
  const figure = (what: string, value: number): Figure => ({ what, value, unit: '', digits: 5 })
  return [
    ...theirs.map(({ method, drop }) => figure(`mean drop, theirs: ${method}`, drop)),
    {
      ...figure(`mean drop, ours: ${family} of ${ours.size} models`, mean([...ours.values()])),
      wanted: { atMost: Math.max(0, Math.round((least / 2) * 1e5) / 1e5) },
    },
  ]
}
