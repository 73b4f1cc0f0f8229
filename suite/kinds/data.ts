/** Labelled sets in every form people keep them in, read with no hint: what is found must score as the true reading. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { runJob } from '../support/jobs'
import { dataSets } from '../support/data-sets'
import { trueScore } from '../support/truth'
import type { Suite } from '../support/suite'

const settings = { providers: ['cpu'], threads: 0 }

export const suite: Suite = {
  about: 'labelled sets in every form, read with no hint',
  limit: 300,
  units: async (shared) =>
    Object.entries(await dataSets(shared)).flatMap(([set, { models }]) =>
      models.map((file) => `${set} · ${path.parse(file).name}`),
    ),
  async run(unit, step, { shared, steps }) {
    const [name, modelName] = unit.split(' · ') as [string, string]
    const set = (await dataSets(shared))[name]!
    const model = set.models.find((file) => path.parse(file).name === modelName)!
    const truth = await trueScore(model, set.truth)
    const samples = set.truth.labels.length
    for (const [form, write] of Object.entries(set.forms)) {
      if (steps.length > 0 && !steps.includes(form)) continue
      await step(form, async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-suite-'))
        try {
          await write(folder)
          const input = { model, data: { path: folder }, settings }
          const { baseline } = await runJob('openData', input)
          const trials = await runJob('findPreprocessing', { ...input, when: 'gain', baseline })
          const best = trials.find(({ better }) => better)
          const score = best?.score ?? baseline.value
          const lost = baseline.higherIsBetter ? truth - score : score - truth
          const off = Math.round(lost * samples)
          const how = best?.explanation ?? 'as it is recognised'
          const detail = `${baseline.metric} ${score.toFixed(4)}, true ${truth.toFixed(4)}, read at first ${baseline.value.toFixed(4)}; ${how}`
          return {
            verdict: off <= 1 ? 'ok' : 'wrong',
            figure: `${score.toFixed(4)} of ${truth.toFixed(4)}`,
            detail,
          }
        } finally {
          fs.rmSync(folder, { recursive: true, force: true })
        }
      })
    }
  },
}
