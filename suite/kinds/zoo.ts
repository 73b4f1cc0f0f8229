/** Real models as their owners ship them: every pass, every preset, a search, and a bundle for every target. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PASSES } from '../../src/engine/passes'
import { PRESETS } from '../../src/engine/passes/presets'
import { TARGETS } from '../../src/engine/targets'
import { Bench, runJob, runOutcome, step as recipeStep } from '../support/jobs'
import type { Suite } from '../support/suite'

const SEARCH_MINUTES = 3

/** One round of learning shows that it works; how well is the bench's to say. */
const QUICK: Readonly<Record<string, Record<string, unknown>>> = {
  'fine-tune': { epochs: 1 },
  distill: { epochs: 1 },
  'prune-gradually': { epochs: 1 },
  'trained-codebook': { epochs: 1 },
  'quantize-aware': { epochs: 1 },
}

export const suite: Suite = {
  about: 'real models through every pass, preset and target',
  limit: 600,
  units: async (shared) =>
    fs
      .readdirSync(path.join(shared, 'zoo', 'models'))
      .map((name) => path.parse(name).name)
      .sort(),
  async run(unit, step, { shared, steps }) {
    const model = path.join(shared, 'zoo', 'models', `${unit}.onnx`)
    const data = path.join(shared, 'zoo', 'data', `${unit}.npz`)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-suite-'))
    const bench = new Bench(model, fs.existsSync(data) ? data : undefined, folder)
    const part = async (name: string, work: Parameters<typeof step>[1]): Promise<void> => {
      if (steps.length > 0 && !steps.includes(name)) return
      await step(name, work)
      for (const left of fs.readdirSync(folder)) fs.rmSync(path.join(folder, left), { recursive: true })
    }
    try {
      await part('inspect', async () => {
        const { parameters } = await runJob('inspect', { model })
        return { verdict: 'ok', detail: `${parameters} parameters` }
      })
      await part('evaluate', async () => {
        const { quality } = await bench.evaluate()
        return { verdict: 'ok', detail: `${quality.metric} ${quality.value}` }
      })
      const tried = [
        ...PASSES.map(({ id }) => ({ name: id, steps: [recipeStep(id, QUICK[id])] })),
        { name: 'quantize-weights 8', steps: [recipeStep('quantize-weights', { bits: 8 })] },
        ...PRESETS.map((preset) => ({ name: `preset ${preset.id}`, steps: preset.steps })),
      ]
      for (const { name, steps } of tried)
        await part(name, async () => runOutcome(model, await bench.compress(steps)))
      await part('search', async () => runOutcome(model, await bench.search(SEARCH_MINUTES)))
      for (const { id } of TARGETS) await part(`export ${id}`, () => bench.export(id))
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}
