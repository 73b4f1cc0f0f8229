/// <reference types="vite/client" />
/**
 * `npm run suite -- onnx|zoo|cases|data [--only REGEX --passes a,b --missing --jobs N --seconds S --limit S --update
 * --fresh]`: models of others through everything. Prints a table, writes `out/suite/<kind>.json`, compares with
 * `suite/baselines/<kind>.json` and fails on what became worse. A run that was ended goes on where it was, as long as the
 * code is the same; `--update` stores the outcome as the new baseline, that of a part in its place; `--missing` runs only
 * steps that the baseline lacks. A step that a `--limit` shorter than the suite's own ends is told, and neither a fault nor
 * stored.
 */
import fs from 'node:fs'
import path from 'node:path'
import { createHash } from 'node:crypto'
import { commandLine, numberOf, refuse } from '../scripts/command-line'
import { runPool } from './support/pool'
import { FAULTS, type Result, type Suite } from './support/suite'
import { baselineOf, keyOf, laidOver, partsOf, regressions, tableOf, type Baseline } from './support/summary'

const found = import.meta.glob<{ suite: Suite }>('./kinds/*.ts')
const kinds = new Map(Object.entries(found).map(([file, load]) => [path.basename(file, '.ts'), load]))

const usage = `npm run suite -- KIND [--only REGEX --passes a,b --jobs N --seconds S --limit S --shared FOLDER --update --fresh --missing]
kinds: ${[...kinds.keys()].join(', ')}`

const { values, positionals } = commandLine(usage, {
  only: { type: 'string', default: '' },
  passes: { type: 'string', default: '' },
  jobs: { type: 'string', default: '2' },
  seconds: { type: 'string', default: '86400' },
  limit: { type: 'string' },
  shared: { type: 'string', default: '../shared' },
  update: { type: 'boolean', default: false },
  fresh: { type: 'boolean', default: false },
  missing: { type: 'boolean', default: false },
})
const [kind = '', ...more] = positionals
if (!kinds.has(kind)) refuse(kind ? `There is no suite “${kind}”.` : 'Which suite?', usage)
if (more.length > 0) refuse(`One suite at a time, not ${more.join(', ')} as well.`, usage)
const number = (name: 'jobs' | 'seconds' | 'limit', otherwise = 0): number =>
  values[name] === undefined ? otherwise : numberOf(name, values[name], usage)
const shared = path.resolve(values.shared)
if (!fs.existsSync(shared)) {
  console.error(`The suites' models are not at ${values.shared}.`)
  process.exit(2)
}

const { suite } = await kinds.get(kind)!()
const folder = path.resolve('out/suite')
const log = path.join(folder, `${kind}.jsonl`)
const worker = path.join(import.meta.dirname, 'worker.js')
const steps = values.passes.split(',').filter(Boolean)

/** Results of another state of the code, or of other steps, say nothing of this one. */
function fingerprint(): string {
  const hash = createHash('sha256').update(JSON.stringify(steps))
  for (const name of fs.readdirSync(import.meta.dirname).sort())
    if (name.endsWith('.js')) hash.update(fs.readFileSync(path.join(import.meta.dirname, name)))
  return hash.digest('hex').slice(0, 16)
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (cause) {
    return refuse((cause as Error).message, usage)
  }
}

type Line = { code: string } | Result | { finished: string }

function earlier(code: string): Line[] {
  if (values.fresh || !fs.existsSync(log)) return []
  const lines = fs.readFileSync(log, 'utf8').split('\n').filter(Boolean)
  const parsed = lines.map((line) => JSON.parse(line) as Line)
  const [first] = parsed
  return first && 'code' in first && first.code === code ? parsed : []
}

fs.mkdirSync(folder, { recursive: true })
const code = fingerprint()
const before = earlier(code)
const results = before.filter((line): line is Result => 'verdict' in line)
const done = new Set(before.flatMap((line) => ('finished' in line ? [line.finished] : [])))
if (before.length === 0) fs.writeFileSync(log, `${JSON.stringify({ code })}\n`)
const note = (line: Line): void => fs.appendFileSync(log, `${JSON.stringify(line)}\n`)

const file = path.resolve('suite', 'baselines', `${kind}.json`)
const baseline: Baseline = fs.existsSync(file)
  ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Baseline)
  : { results: {} }
const limit = number('limit', suite.limit)
const known = values.missing ? Object.keys(baseline.results).map(partsOf) : []

const only = patternOf(values.only)
const all = await suite.units(shared)
const wanted = all.filter((unit) => only.test(unit))
const open = wanted.filter((unit) => !done.has(unit))
console.log(`${kind}: ${suite.about}; ${open.length} of ${wanted.length} to do`)
const isLoud = Boolean(process.env.SUITE_DEBUG)
let shown = Date.now()
const left = await runPool(open, {
  worker,
  kind,
  jobs: number('jobs'),
  seconds: number('seconds'),
  suite: { shared, steps, limit },
  done: (unit) => [
    ...results.filter((result) => result.unit === unit).map(({ step }) => step),
    ...known.flatMap(([of, step]) => (of === unit ? [step] : [])),
  ],
  deadly: (unit) =>
    results
      .filter((result) => result.unit === unit && ['crash', 'hang'].includes(result.verdict))
      .map(({ step }) => step),
  result(result) {
    results.push(result)
    note(result)
    const isFault = FAULTS.includes(result.verdict)
    if (isFault || isLoud)
      console.log(
        `  ${result.verdict} ${keyOf(result)} ${result.code ?? ''} ${(result.detail ?? '').slice(0, 300)}`,
      )
  },
  finished(unit) {
    done.add(unit)
    note({ finished: unit })
    if (Date.now() - shown < 30_000) return
    shown = Date.now()
    console.log(`  … ${done.size} of ${wanted.length}`)
  },
})

const about = new Set(wanted)
const isShort = limit < suite.limit
const ended = results.filter(({ unit, verdict }) => about.has(unit) && !(isShort && verdict === 'hang'))
ended.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
fs.writeFileSync(path.join(folder, `${kind}.json`), JSON.stringify(ended, null, 1))
console.log(`\n${tableOf(ended, suite.isLarge ? 'step' : 'unit')}\n`)
if (left > 0) console.log(`${left} of ${wanted.length} are left; the next run goes on there.`)

const everyUnit = left === 0 && !values.missing && wanted.length === all.length
const isWhole = everyUnit && steps.length === 0
if (values.update) {
  const now = isWhole ? baselineOf(ended, !suite.isLarge) : laidOver(baseline, ended, everyUnit)
  fs.writeFileSync(file, `${JSON.stringify(now, null, 2)}\n`)
  console.log(`Stored in ${path.relative('.', file)}.`)
  process.exit(0)
}
const whole = steps.length > 0 ? steps : Object.keys(baseline.counts ?? {})
const worse = regressions(ended, baseline, everyUnit ? whole : [])
console.log(
  worse.length > 0
    ? `${worse.length} became worse:\n  ${worse.slice(0, 100).join('\n  ')}`
    : 'Nothing became worse.',
)
process.exit(worse.length > 0 ? 1 : 0)
