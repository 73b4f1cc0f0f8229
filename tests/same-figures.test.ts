/** Window, report page, terminal and job summary say one figure of one quantity, whatever its size. */
import { describe, expect, test } from 'vitest'
import { comparisonMarkdown, comparisonText } from '../src/cli/report-table'
import type { Report } from '../src/contract/report'
import { costsOf, misses } from '../src/contract/limits'
import { changeText } from '../src/contract/verdict'
import { htmlReport } from '../src/engine/evaluate/html'
import { measuresFor } from '../src/renderer/steps/compare/measures'
import { seeded } from '../src/engine/math/random'

const random = seeded(16)
/** Over many orders of magnitude. */
const spread = (low: number, high: number): number => low * (high / low) ** random.next()
const whole = (low: number, high: number): number => Math.round(spread(low, high))

function report(candidate: boolean): Report {
  const value = random.next()
  const p50 = spread(1e-3, 1e4)
  const ratio = spread(0.2, 5)
  const parameters = whole(10, 1e9)
  return {
    path: 'model.onnx',
    bytes: whole(100, 1e10),
    downloadBytes: whole(100, 1e10),
    parameters,
    nonzeroParameters: parameters,
    macs: whole(10, 1e12),
    quality: {
      metric: 'accuracy',
      value,
      samples: 500,
      interval: [value / 2, (1 + value) / 2],
      higherIsBetter: true,
      others: {},
      split: 'validation',
      task: 'classification',
    },
    latencyMs: { p50, p95: 2 * p50, runs: 400, batch: 1, provider: 'cpu', threads: 2 },
    ...(candidate && { latencyRatio: { value: ratio, interval: [ratio * 0.95, ratio * 1.05] } }),
    peakMemoryBytes: whole(1000, 1e10),
    energyMicrojoules: spread(1e-3, 1e7),
    energySource: 'Estimate.',
    sha256: '',
    notes: [],
  }
}

/** As the window sets it: narrow spaces and a true minus, where text has plain ones. */
const plain = (text: string): string => text.replaceAll('\u202f', ' ').replaceAll('−', '-')

const SHOWN = ['bytes', 'download', 'memory', 'p50', 'parameters', 'macs', 'energy', 'quality']

describe.each(Array.from({ length: 40 }, (_, i) => i))('figures %i', () => {
  const [original, first, second] = [report(false), report(true), report(true)]
  test.each([
    ['one candidate', [first]],
    ['several', [first, second]],
  ])('%s', (_, candidates) => {
    const sitting = candidates.map((one) => ({ ...one, originalLatencyMs: original.latencyMs }))
    const named = sitting.map((one, i) => ({ name: `c${i}`, report: one }))
    const texts = {
      terminal: comparisonText(original, ...named),
      markdown: comparisonMarkdown(original, named, undefined),
      page: htmlReport({ title: 't', original, candidates: named }).replaceAll('&gt;', '>'),
    }
    const measures = measuresFor(original, sitting).filter(({ id }) => SHOWN.includes(id))
    expect(measures.map(({ id }) => id).toSorted()).toEqual(SHOWN.toSorted())
    for (const [where, text] of Object.entries(texts)) {
      for (const { id, text: shown } of measures)
        for (const one of [original, ...sitting])
          expect(plain(text), `${where}: ${id}`).toContain(plain(shown(one)))
      for (const one of sitting)
        expect(plain(text).toLowerCase(), `${where}: the verdict`).toContain(
          plain(changeText(original, one)).toLowerCase(),
        )
    }
  })

  test('a limit is judged on the quantity that it is worded on', () => {
    const limits = { maxBytes: Math.round(first.bytes / 2), maxLatency: first.latencyRatio!.value / 2 }
    const said = misses(limits, costsOf(first, original))
    expect(said.map(({ limit }) => limit)).toEqual(['size', 'latency'])
    const [size] = measuresFor(original, [first]).filter(({ id }) => id === 'bytes')
    expect(said[0]!.sentence).toContain(`its file takes ${plain(size!.text(first))},`)
  })
})
