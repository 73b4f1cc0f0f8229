/** Small inputs of kinds that failed once, each with its right answer. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { CASES, type CaseContext, type Check } from '../support/cases'
import { Bench } from '../support/jobs'
import { makeData } from '../support/made-data'
import { memoryOutcome } from '../support/memory'
import { verdictOf, type Outcome, type Suite } from '../support/suite'

/** A refusal is right only where the case says so. */
async function answered(check: Check, context: CaseContext): Promise<Outcome | void> {
  try {
    return await check(context)
  } catch (thrown) {
    const outcome = verdictOf(thrown)
    return outcome.verdict === 'refused' ? { ...outcome, verdict: 'wrong' } : outcome
  }
}

export const suite: Suite = {
  about: 'inputs of kinds that failed once',
  limit: 120,
  units: async (shared) =>
    fs
      .readdirSync(path.join(shared, 'cases'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort(),
  async run(unit, step, { shared, steps }) {
    const at = (file: string): string =>
      file.startsWith('..') ? path.join(shared, file.slice(3)) : path.join(shared, 'cases', unit, file)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-suite-'))
    const context: CaseContext = {
      at,
      bench: (model, data) => new Bench(at(model), data === undefined ? undefined : at(data), folder),
      calibrated: async (model) =>
        new Bench(at(model), await makeData(at(model), path.join(folder, 'made.npz')), folder),
    }
    const checks = CASES[unit]
    if (!checks)
      return void (await step(unit, async () => ({ verdict: 'wrong', detail: 'it has no right answer' })))
    try {
      for (const [name, check] of Object.entries(checks))
        if (steps.length === 0 || steps.includes(name)) await step(name, () => answered(check, context))
      for (const file of fs.readdirSync(path.join(shared, 'cases', unit)).sort()) {
        const name = `memory, ${file}`
        if (file.endsWith('.onnx') && (steps.length === 0 || steps.includes(name)))
          await step(name, () => memoryOutcome(at(file)))
      }
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}
