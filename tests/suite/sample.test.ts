/** A seeded part of ONNX's backend tests through the suite; `npm run suite -- onnx` runs all of them. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { seeded } from '../../src/engine/math/random'
import { suite } from '../../suite/kinds/onnx'
import type { Result } from '../../suite/support/suite'
import { regressions, type Baseline } from '../../suite/support/summary'
import { collecting } from './collecting'

const shared = path.resolve(import.meta.dirname, '../../../shared')
const isHere = fs.existsSync(path.join(shared, 'suites', 'onnx-backend.zip'))
if (!isHere)
  console.warn("ONNX's backend tests are not beside this checkout; the sample of them is left out.")

const MODELS = 60

test.skipIf(!isHere)('nothing is worse than the baseline', { timeout: 120_000 }, async () => {
  const file = path.resolve(import.meta.dirname, '../../suite/baselines/onnx.json')
  const baseline = JSON.parse(fs.readFileSync(file, 'utf8')) as Baseline
  // What is known to end the process would end this one.
  const deadly = new Set(
    Object.entries(baseline.results).flatMap(([key, verdict]) =>
      ['crash', 'hang'].includes(verdict) ? [key.split(' · ')[0]!] : [],
    ),
  )
  const units = (await suite.units(shared)).filter((unit) => !deadly.has(unit))
  const drawn = seeded(20_261).shuffle(units).slice(0, MODELS)
  const found: Result[] = []
  for (const unit of drawn) {
    const { step, results } = collecting()
    await suite.run(unit, step, { shared, steps: [], limit: 60 })
    found.push(...results.map(({ name, ...outcome }) => ({ unit, step: name, ms: 0, ...outcome })))
  }
  expect(regressions(found, baseline, [])).toEqual([])
  expect(found.filter(({ verdict }) => verdict === 'ok').length).toBeGreaterThan(MODELS)
})
