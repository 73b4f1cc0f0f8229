/** The page of what the suites found, made of their baselines. */
import { FAULTS } from './suite'
import { partsOf, type Baseline } from './summary'

const cell = (text: string): string => text.replaceAll('|', '\\|')
const row = (cells: readonly (string | number)[]): string => `| ${cells.map(String).map(cell).join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] => [
  row(head),
  row(head.map(() => '---')),
  ...rows.map(row),
]

const isFault = (word: string): boolean => FAULTS.some((fault) => word.split(':')[0] === fault)

function countTable({ counts = {} }: Baseline): string[] {
  const of = (words: Record<string, number>, verdict: string): number =>
    Object.entries(words).reduce((sum, [word, n]) => sum + (word.split(':')[0] === verdict ? n : 0), 0)
  const columns = ['ok', 'refused', ...FAULTS]
  return table(
    ['step', ...columns],
    Object.entries(counts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([step, words]) => [step, ...columns.map((verdict) => of(words, verdict) || '')]),
  )
}

const mark = (word: string | undefined, figure: string | undefined): string =>
  word === undefined ? '' : isFault(word) ? `**${word}**` : word === 'ok' ? (figure ?? 'ok') : 'refused'

function matrix({ results, figures = {} }: Baseline): string[] {
  const keys = Object.keys(results).map(partsOf)
  const units = [...new Set(keys.map(([unit]) => unit))].sort()
  const steps = [...new Set(keys.map(([, step]) => step))].sort()
  const at = (unit: string, step: string): string => `${unit} · ${step}`
  return table(
    ['', ...units],
    steps.map((step) => [
      step,
      ...units.map((unit) => mark(results[at(unit, step)], figures[at(unit, step)])),
    ]),
  )
}

const list = ({ results }: Baseline): string[] =>
  table(
    ['case', 'run', 'outcome'],
    Object.entries(results).map(([key, word]) => [...partsOf(key), isFault(word) ? `**${word}**` : word]),
  )

const scores = ({ results, figures = {} }: Baseline): string[] =>
  table(
    ['set and model', 'form', 'found', 'fed by hand', ''],
    Object.entries(results).map(([key, word]) => {
      const at = key.lastIndexOf(' · ')
      const [found = '', truth = ''] = (figures[key] ?? '').split(' of ')
      return [key.slice(0, at), key.slice(at + 3), found, truth, isFault(word) ? `**${word}**` : '']
    }),
  )

/** Markdown; a suite without a baseline is left out. */
export function suitePage(baselines: Partial<Record<'onnx' | 'zoo' | 'cases' | 'data', Baseline>>): string {
  const { onnx, zoo, cases, data } = baselines
  const faults = (baseline: Baseline): string => {
    const count = Object.values(baseline.results).filter(isFault).length
    return count === 0 ? 'No fault is known.' : `Known faults: ${count}.`
  }
  return [
    '# Suites',
    '',
    'Generated from `suite/baselines/` by `npm run docs`. `npm run suite -- onnx|zoo|cases|data` runs models and data of others through everything, and fails on what became worse than this; `--update` stores an outcome as the new baseline. A sample of it runs in the tests where the models are beside the checkout, and models of every kind made for it run everywhere.',
    '',
    'Verdicts: **ok** (what came out was checked), **refused** (a coded sentence), and the faults: **wrong** (it does not load, has another interface, or computes something else), **invalid** (a valid model called invalid), **internal**, **crash**, **hang**. Lossless passes must give the same outputs (1e-4 of the largest), of others the result must run, keep its interface, and stay finite.',
    ...(onnx
      ? [
          '',
          "## ONNX's backend tests",
          '',
          `Each model as it is, and with all inputs but the first turned into weights. “random inputs” and “its sample” say whether data could be made or read for it. ${faults(onnx)}`,
          '',
          ...countTable(onnx),
        ]
      : []),
    ...(zoo
      ? [
          '',
          '## Real models',
          '',
          `How many times smaller the file became, where it was done, and of presets and searches in which share of the original's time it runs, measured in turn with it (where none is told, an earlier state of the code gave the figure); “closest” is a search of three minutes that found nothing inside its limits. Of memory it is how much more inspecting takes than a run. Empty is what the stored run has not come to. ${faults(zoo)}`,
          '',
          ...matrix(zoo),
        ]
      : []),
    ...(cases
      ? ['', '## Cases', '', `Kinds of input that failed once. ${faults(cases)}`, '', ...list(cases)]
      : []),
    ...(data
      ? [
          '',
          '## Labelled data in every form',
          '',
          `What the original scores on validation samples as they are read with no hint, by set and form; beside it what it scores fed by hand. More than one validation sample below that is a fault. ${faults(data)}`,
          '',
          ...scores(data),
        ]
      : []),
    '',
  ].join('\n')
}
