/** Real models as their owners ship them: every pass, every preset, a search, and a bundle for every target. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Dataset } from '../../src/engine/data/dataset'
import { openReference } from '../../src/engine/jobs/data'
import { readModel, writeModel } from '../../src/engine/onnx'
import { findPass, PASSES } from '../../src/engine/passes'
import type { Pass } from '../../src/engine/passes/pass'
import { PRESETS } from '../../src/engine/passes/presets'
import { outputCheck, type OutputCheck } from '../../src/engine/run/verify'
import { TARGETS } from '../../src/engine/targets'
import { folderOf, makeByPython } from '../support/by-python'
import { Bench, presetOutcome, runJob, runPass, searchOutcome } from '../support/jobs'
import { judge } from '../support/judge'
import { makeData } from '../support/made-data'
import { memoryOutcome } from '../support/memory'
import type { Suite } from '../support/suite'
import { TRANSFORMERS } from '../support/transformers'

const SEARCH_MINUTES = 3

/** Made where a model came without data, for passes that need some: enough for every split. */
const MADE_SAMPLES = 48

/** One round of learning at a given rate shows that it works; how well is the bench's to say. */
const ROUND = { epochs: 1, learningRate: 1e-4 }
const QUICK: Readonly<Record<string, Record<string, unknown>>> = {
  'fine-tune': ROUND,
  distill: ROUND,
  // Layers learn by themselves first, for as long as the effort says.
  adaround: { ...ROUND, effort: 0.1 },
  'prune-gradually': ROUND,
  'trained-codebook': ROUND,
  'quantize-aware': ROUND,
}

const namesIn = (zoo: string): string[] =>
  fs.readdirSync(path.join(zoo, 'models')).map((name) => path.parse(name).name)

export const suite: Suite = {
  about: 'real models through every pass, preset and target',
  limit: 600,
  units: async (shared) => [...namesIn(path.join(shared, 'zoo')), ...makeByPython(TRANSFORMERS)].sort(),
  async run(unit, step, { shared, steps }) {
    const zoo = path.join(shared, 'zoo')
    const root = namesIn(zoo).includes(unit) ? zoo : folderOf(TRANSFORMERS)
    const model = path.join(root, 'models', `${unit}.onnx`)
    const data = path.join(root, 'data', `${unit}.npz`)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-suite-'))
    const bench = new Bench(model, fs.existsSync(data) ? data : undefined, folder)
    const part = async (name: string, work: Parameters<typeof step>[1]): Promise<void> => {
      if (steps.length > 0 && !steps.includes(name)) return
      await step(name, work)
      for (const left of fs.readdirSync(folder)) fs.rmSync(path.join(folder, left), { recursive: true })
    }
    const kept = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-suite-'))
    let opened: Dataset | undefined
    let made: Dataset | undefined
    const given = async ({ needs }: Pass): Promise<Dataset | undefined> => {
      if (!opened || bench.data !== undefined || needs.length === 0) return opened
      made ??= await openReference(model, {
        path: await makeData(model, path.join(kept, 'made.npz'), MADE_SAMPLES),
      })
      return made
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
        ...PASSES.map(({ id }) => ({ name: id, id, params: QUICK[id] ?? {} })),
        { name: 'quantize-weights 8', id: 'quantize-weights', params: { bits: 8 } },
        { name: 'edge-types float16', id: 'edge-types', params: { inputs: 'float16', outputs: 'float16' } },
      ]
      const original = readModel(model)
      let check: OutputCheck | undefined
      await step(
        'open',
        async () => {
          opened = await openReference(model, bench.data === undefined ? {} : { path: bench.data })
          check = await outputCheck(model, opened, {})
        },
        'needed',
      )
      await part('memory', () => memoryOutcome(model))
      for (const { name, id, params } of tried)
        await part(name, async () => {
          const pass = findPass(id)
          const data = await given(pass)
          if (!data || !check) return { verdict: 'refused', code: 'no-inputs' }
          const { model: result, summary } = await runPass(pass, original, params, data, folder)
          const file = writeModel(result, path.join(folder, 'result.onnx')).files[0]!
          await check(file, id)
          const outcome = await judge(
            readModel(file),
            { model: original },
            { changes: pass.description.changes },
          )
          const ratio = fs.statSync(model).size / fs.statSync(file).size
          if (outcome.verdict !== 'ok') return outcome
          return { ...outcome, figure: `${ratio.toFixed(2)}×`, detail: `${outcome.detail}; ${summary}` }
        })
      for (const { id, steps } of PRESETS)
        await part(`preset ${id}`, async () => presetOutcome(model, await bench.compress(steps)))
      await part('search', async () => searchOutcome(model, await bench.search(SEARCH_MINUTES)))
      for (const { id } of TARGETS) await part(`export ${id}`, () => bench.export(id))
    } finally {
      await opened?.close()
      await made?.close()
      fs.rmSync(kept, { recursive: true, force: true })
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}
