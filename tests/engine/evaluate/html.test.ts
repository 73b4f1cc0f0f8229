import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Report } from '../../../src/contract/report'
import type { Trial } from '../../../src/contract/trial'
import { formatBytes, formatMilliseconds } from '../../../src/contract/format'
import { formatMetric } from '../../../src/contract/metrics'
import { htmlReport } from '../../../src/engine/evaluate/html'

const HOSTILE = '"><img src=x onerror=alert(1)>\u202e'

function report(change: Partial<Report> = {}): Report {
  return {
    path: 'model.onnx',
    bytes: 1_733_689,
    downloadBytes: 1_603_837,
    parameters: 431_080,
    nonzeroParameters: 431_080,
    macs: 2_293_000,
    quality: {
      metric: 'accuracy',
      value: 0.994,
      samples: 500,
      interval: [0.9826, 0.998],
      higherIsBetter: true,
      others: { f1: 0.9939, top5: 1 },
      split: 'validation',
      task: 'classification',
    },
    latencyMs: { p50: 0.142, p95: 0.27, runs: 400, batch: 1, provider: 'cpu', threads: 2 },
    peakMemoryBytes: 5_200_000,
    energyMicrojoules: 286,
    energySource: 'Estimate, not a measurement.',
    sha256: 'e67fca7b44c8775bf3f935e69f365697d01747074ad31758a270d8cb63fd9da4',
    confusion: [
      [48, 2, 0],
      [1, 49, 0],
      [0, 0, 50],
    ],
    classes: ['normal', HOSTILE, 'ball'],
    notes: [],
    ...change,
  }
}

const small = report({
  bytes: 447_570,
  downloadBytes: 398_763,
  nonzeroParameters: 212_000,
  latencyMs: { p50: 0.092, p95: 0.31, runs: 400, batch: 1, provider: 'cpu', threads: 2 },
  latencyRatio: { value: 0.65, interval: [0.6, 0.71] },
  fidelity: { cosine: 0.9995, sqnr: 32.1, agreement: 0.998, maxAbsoluteError: 0.4, samples: 500 },
  quality: { ...report().quality, value: 0.99 },
  confusion: [
    [46, 4, 0],
    [1, 49, 0],
    [0, 0, 50],
  ],
  layers: [
    {
      layer: 'conv1',
      op: 'Conv',
      treatment: 'int8 per-channel',
      bytesBefore: 2080,
      bytesAfter: 620,
      weightSqnr: 41.2,
      activationSqnr: 38.0,
    },
    {
      layer: 'conv2',
      op: 'Conv',
      treatment: 'int8 per-channel',
      bytesBefore: 100_200,
      bytesAfter: 25_400,
      weightSqnr: 39.9,
      activationSqnr: 33.1,
    },
    {
      layer: 'fc1',
      op: 'Gemm',
      treatment: 'int8, pruned 51%',
      bytesBefore: 1_602_000,
      bytesAfter: 402_000,
      weightSqnr: 14.2,
      activationSqnr: 30.4,
    },
    {
      layer: HOSTILE,
      op: 'Gemm',
      treatment: 'kept in float',
      bytesBefore: 20_040,
      bytesAfter: 20_040,
      reason: 'the last layer',
    },
  ],
  notes: ['With 500 samples a difference of 0.4 points cannot be told from chance.'],
})

const page = htmlReport({
  title: `digits ${HOSTILE}`,
  original: report(),
  candidates: [
    {
      recipe: { pare: 1, name: 'Balanced', description: 'Half the weights, the rest in int8.', steps: [] },
      report: small,
      steps: [
        {
          pass: 'prune-magnitude',
          told: 'Zero out weights (50% zeros)',
          params: { sparsity: 0.5, schedule: [1, 2] },
          seconds: 41.3,
          summary: 'Took out 51% of the weights; accuracy 99.4 → 98.8 before recovery.',
          skipped: [{ layer: 'conv1', reason: 'too small to matter' }],
          curve: Array.from({ length: 20 }, (_, epoch) => ({
            epoch: epoch + 1,
            loss: 0.4 * 0.86 ** epoch + 0.03 * Math.sin(epoch) ** 2,
          })),
        },
        { pass: 'quantize-static', params: {}, seconds: 0.8, summary: 'Quantized 4 layers.', skipped: [] },
      ],
    },
  ],
})

describe('htmlReport', () => {
  it('says the verdict first and shows every number', () => {
    expect(page).toContain('<h1>4.02× smaller download, 1.54× faster, −0.4 points.</h1>')
    for (const text of [
      '448 kB',
      '399 kB',
      '99%',
      '98.3% to 99.8%',
      '92 µs',
      '1.54× faster (95%: 1.41× to 1.67×)',
      '212 k not zero',
      '41.2 dB',
      '<strong>Zero out weights (50% zeros)</strong>',
    ])
      expect(page, text).toContain(text)
    expect(page, 'settings are said, not listed').not.toContain('schedule')
    expect(page).toContain('cannot be told from chance')
    expect(page).toContain('Estimate, not a measurement.')
  })

  it('lets nothing through that a model or a dataset brings along', () => {
    expect(page).not.toContain('<img')
    expect(page).not.toContain('\u202e')
    expect(page).toContain('&quot;&gt;&lt;img src=x onerror=alert(1)&gt;')
  })

  it('needs nothing from outside and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<iframe|\bsrc="|url\(|@import|https?:/)
    expect(page).toContain("default-src 'none'")
  })

  it('is whole markup', () => {
    const open: string[] = []
    const empty = new Set(['meta', 'rect', 'path', 'br'])
    for (const [, closing, tag, rest] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b([^>]*)>/g)) {
      if (closing) expect(open.pop()).toBe(tag)
      else if (!empty.has(tag!) && !rest!.endsWith('/')) open.push(tag!)
    }
    expect(open).toEqual([])
  })

  it('answers three questions first, with bars that begin at zero and are as long as the figures', () => {
    const hero = page.slice(page.indexOf('class="hero"'), page.indexOf('<section'))
    const widths = [...hero.matchAll(/style="width:([\d.]+)%"/g)].map(([, width]) => Number(width))
    expect(widths).toEqual([
      ...[100, expect.closeTo((100 * 398_763) / 1_603_837, 1)],
      ...[100, expect.closeTo((100 * 0.092) / 0.142, 1)],
      // A share ends at 100%, whatever both are.
      ...[99.4, 99],
    ])
    expect(hero).toContain('<p class="said good">4.02× smaller</p>')
    expect(hero).toContain('<p class="said good">1.54× faster</p>')
  })

  it('has the colours of the window, one a model', () => {
    const file = path.resolve(import.meta.dirname, '../../../src/renderer/styles/tokens.css')
    const tokens = fs.readFileSync(file, 'utf8')
    for (const [, name, value] of page.matchAll(
      /(--(?:ground|surface|text|line|original|candidate)[\w-]*): (light-dark\([^)]*\))/g,
    ))
      expect(tokens, name).toContain(`${name}: ${value};`)
    const two = htmlReport({
      title: 'x',
      original: report(),
      candidates: ['Safe', 'Small'].map((name) => ({ name, report: small })),
    })
    expect(two).toContain('<i class="c1"></i>Safe')
    expect(two).toContain('<i class="c2"></i>Small')
    expect([...two.matchAll(/class="confusion (\w+)"/g)].map(([, kind]) => kind)).toEqual([
      'original',
      'c1',
      'c2',
    ])
  })

  it('keeps the colours that candidates have in the window, and says what holds of all once', () => {
    const noted = (...notes: string[]): Report => ({ ...small, notes: ['Of all.', ...notes] })
    const two = htmlReport({
      title: 'x',
      original: report(),
      candidates: [
        { name: 'Safe', report: noted(), slot: 2 },
        { name: 'Small', report: noted('Of one.'), slot: 0 },
      ],
    })
    expect(two).toContain('<i class="c3"></i>Safe')
    expect(two).toContain('<i class="c1"></i>Small')
    expect(two).toContain('class="confusion c3"')
    expect(two.match(/Of all\./g)).toHaveLength(1)
    expect(two).toContain('<li>Of all.</li>')
    expect(two).toContain('<li>Small: Of one.</li>')
  })

  it('calls a layer by its node, as the window does', () => {
    const layers = [{ ...small.layers![0]!, layer: 'conv1_out', node: '/conv1/Conv' }]
    const html = htmlReport({
      title: 'x',
      original: report(),
      candidates: [{ report: { ...small, layers } }],
    })
    expect(html).toContain('/conv1/Conv')
    expect(html).not.toContain('conv1_out')
  })

  it('compares up to three by their names', () => {
    const three = htmlReport({
      title: 'digits',
      original: report(),
      candidates: ['Safe', 'Balanced', 'Smallest'].map((name) => ({ name, report: small })),
    })
    expect(three).toContain('<th scope="col">Smallest</th>')
    expect(three).toContain('Safe: 4.02× smaller download')
  })

  it('compares no times that were not taken in turn, and colours none that the interval does not bear out', () => {
    const timed = (p50: number, value: number, interval: [number, number]): Report =>
      report({ latencyRatio: { value, interval }, originalLatencyMs: { ...report().latencyMs, p50 } })
    const page = htmlReport({
      title: 'apart',
      original: report(),
      candidates: [
        { name: 'one', report: timed(1, 0.5, [0.48, 0.52]) },
        { name: 'two', report: timed(2, 0.9, [0.7, 1.1]) },
        { name: 'untimed', report: report() },
      ],
    })
    const [, bars] = page.split('over the original’s in the same sitting</figcaption>')
    const [chart] = bars!.split('</figure>')
    expect(chart).toContain('one')
    expect(chart).not.toContain('untimed')
    expect(page).not.toContain('peak while running')
    const tones = (one: Report): string[] =>
      [
        ...htmlReport({ title: 'x', original: report(), candidates: [{ report: one }] }).matchAll(
          /<tr><th[^>]*>Latency.*?<\/tr>/gs,
        ),
      ].map(([row]) => (/class="[^"]*(good|bad)/.exec(row) ?? ['', ''])[1]!)
    expect(tones(timed(0.142, 0.5, [0.48, 0.52]))).toEqual(['good', ''])
    expect(tones(timed(0.142, 0.9, [0.7, 1.1]))).toEqual(['', ''])
  })

  it('suits a regression without classes, layers or steps', () => {
    const quality = {
      ...report().quality,
      metric: 'r2',
      task: 'regression' as const,
      value: 0.99997,
      interval: [0.9999, 1] as [number, number],
      others: { mae: 0.0123, rmse: 0.04 },
    }
    const plain = report({ quality, confusion: undefined, classes: undefined })
    const html = htmlReport({ title: 'policy', original: plain, candidates: [{ report: plain }] })
    expect(html).toContain('R²')
    expect(html).not.toContain('<h2>Classes</h2>')
    expect(html).toContain('Same download size, speed not compared, the same R² on 500 samples.')
  })
})

describe('the front of a search', () => {
  const trial = (key: string, over: Partial<Trial> = {}): Trial => ({
    key,
    round: 1,
    recipe: { pare: 1, name: `recipe ${key}`, description: '', steps: [] },
    state: 'kept',
    stage: 'search',
    reason: '',
    seconds: 1,
    bytes: 2000,
    downloadBytes: 1000,
    pointsLost: 0.3,
    steps: [],
    ...over,
  })
  const page = (trials: Trial[]): string =>
    htmlReport({
      title: 'digits',
      original: report(),
      candidates: [{ report: small }],
      search: {
        front: trials.map(({ key }) => key),
        trials: [...trials, trial('beaten')],
        winner: trials[0]!,
      },
    })

  it('shows measured times with their intervals, and which one is reported', () => {
    const html = page([trial('a', { latencyRatio: 0.62, latencyInterval: [0.6, 0.65] }), trial(HOSTILE)])
    expect(html).toContain('<td>1.61× faster (95%: 1.54× to 1.67×)</td>')
    expect(html).toContain('recipe a<small>the one reported here</small>')
    expect(html).not.toContain('recipe beaten')
    expect(html).not.toContain('an estimate</th>')
    expect(html).not.toContain(HOSTILE)
  })

  it('calls what is modelled for a target an estimate', () => {
    const targetLatency = { target: 'ios', ratio: 0.4, source: 'somewhere' }
    expect(page([trial('a', { targetLatency })])).toContain('Time on ios, an estimate</th>')
  })
})

describe('format', () => {
  it.each([
    [formatBytes(999), '999 B'],
    [formatBytes(999_600), '1 MB'],
    [formatBytes(1_733_689), '1.73 MB'],
    [formatMilliseconds(0.142), '142 µs'],
    [formatMilliseconds(1234), '1.23 s'],
    [formatMetric('accuracy', 0.99412), '99.41%'],
    [formatMetric('r2', 0.99997), '>0.9999'],
    [formatMetric('sqnr', 32.123), '32.1 dB'],
    [formatMetric('accuracy', 0.99), '99%'],
    [formatMetric('accuracy', 0.99996), '>99.99%'],
    [formatMetric('tokens', 12345), '12,345'],
    [formatMetric('maxAbsoluteError', 0.000012345), '0.0000123'],
  ])('%s', (got, expected) => expect(got).toBe(expected))
})

it('names how the data was read, and nothing where inputs were random', () => {
  const dataSpec = {
    task: 'classification' as const,
    label: HOSTILE,
    output: 'logits',
    classes: ['a', 'b'],
    columns: { x: 'f0' },
    preprocessing: { kind: 'array', scale: 1 / 256, mean: [0.5], std: [2], stored: 'hwc', columns: {} },
  }
  const html = htmlReport({ title: 'm', original: report({ dataSpec }), candidates: [{ report: small }] })
  const part = html.slice(html.indexOf('How the data was read'))
  for (const text of [
    'classification',
    'logits',
    '0.00391',
    '0.5 and 2',
    'pixel after pixel',
    'f0',
    '2, in the order',
  ])
    expect(part).toContain(text)
  expect(html).not.toContain('<img')
  expect(htmlReport({ title: 'm', original: report(), candidates: [{ report: small }] })).not.toContain(
    'How the data was read',
  )
})
