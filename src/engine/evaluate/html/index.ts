/** The comparison as one self-contained page: no script, no request, light and dark, fit to print. */
import type { Recipe } from '../../../contract/recipe'
import type { Report, StepRecord } from '../../../contract/report'
import { changeText, originalTimes } from '../../../contract/verdict'
import { kindOf } from './charts'
import { tradeOff, type FrontOf } from './front'
import { hero } from './hero'
import { escape } from './parts'
import { overview, type Named } from './overview'
import { charts, classes, layers, method, notes, reading, steps } from './sections'
import { STYLE } from './style'

interface HtmlReport {
  /** Name of the model or project. */
  title: string
  original: Report
  /** One to three. */
  candidates: readonly {
    /** Default: the name of the recipe. */
    name?: string
    report: Report
    recipe?: Recipe
    steps?: readonly StepRecord[]
    /** Which of the three colours it has, from 0; default: by its place. */
    slot?: number
  }[]
  /** Where a search found them. */
  search?: FrontOf
}

export function htmlReport({ title, original: whole, candidates, search }: HtmlReport): string {
  const times = originalTimes(
    whole,
    candidates.map(({ report }) => report),
  )
  const original = times ? { ...whole, latencyMs: times } : whole
  const named = candidates.map(({ name, recipe, report, steps: records, slot }, i) => ({
    name: name ?? recipe?.name ?? `Candidate ${i + 1}`,
    report,
    kind: kindOf(slot ?? i),
    recipe,
    records: records ?? [],
  }))
  const several = named.length > 1
  const body = [
    header(title, original, named),
    named.length ? hero(original, named) : '',
    overview(original, named),
    notes(original, named),
    search ? tradeOff(search) : '',
    charts(original, named),
    ...named.map((one) => layers(one, several)),
    classes(original, named),
    ...named.map(({ name, records }) => steps(name, records, several)),
    reading(original),
    method(original, named),
  ].filter(Boolean)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>${escape(title)} · Pare</title>
<style>${STYLE}</style>
</head>
<body><main>
${body.join('\n')}
<footer>Made by Pare, offline, on the machine the models were measured on.</footer>
</main></body>
</html>
`
}

/** The verdict first. */
function header(title: string, original: Report, named: readonly (Named & { recipe?: Recipe })[]): string {
  const [first, ...others] = named.map(({ name, report, kind }) => {
    const change = changeText(original, report)
    const text = named.length > 1 ? `${name}: ${change}` : change
    return { kind, sentence: `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.` }
  })
  const also = others.map(
    ({ kind, sentence }) => `<p class="also"><i class="${kind}"></i>${escape(sentence)}</p>`,
  )
  const description = named.length === 1 ? named[0]!.recipe?.description : undefined
  const lead = description ? `<p class="lead">${escape(description)}</p>` : ''
  return `<header><p class="kind">${escape(title)}</p><h1>${escape(first?.sentence ?? '')}</h1>${also.join('')}${lead}</header>`
}
