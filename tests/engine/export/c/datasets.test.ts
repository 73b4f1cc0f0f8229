/** Whole datasets through the C of integer models: codes after every layer and answers beside ONNX Runtime's. */
import { describe, expect, test } from 'vitest'
import { feedsOf } from '../../../../src/engine/data/feeds'
import { openDataset } from '../../../../src/engine/data/open'
import { generate } from '../../../../src/engine/export/c/generate'
import { readModel } from '../../../../src/engine/onnx'
import { floatsOf, withSession, type Values } from '../../../../src/engine/runtime'
import { withOutputs } from '../../../../src/engine/runtime/expose'
import { hasReference, reference } from '../../../reference'
import { compiler, runAll, WITHOUT } from './support'

const best = (values: Float32Array): number => values.indexOf(Math.max(...values))

/** Models that ONNX Runtime's own tools quantized, by the folders of their data. */
const NETS = { lenet5: ['digits', 'npz'], cnn1d: ['bearing', 'npz'] }

describe.skipIf(!compiler || !hasReference)(`compiled and run${WITHOUT}`, () => {
  test.each(Object.entries(NETS))('%s in int8', { timeout: 300_000 }, async (name, data) => {
    const model = readModel(reference('peer', `${name}.static_minmax_pc.onnx`))
    const codes = model.graph.nodes
      .filter((node) => node.is('QuantizeLinear'))
      .map(({ outputs }) => outputs[0]!)
    const exposed = withOutputs(model, codes)
    const dataset = await openDataset(reference('data', ...data), model)
    const samples: Values[] = []
    for await (const feeds of feedsOf(model, dataset.splits.validation, { limit: Infinity, size: 1 }))
      samples.push(feeds)
    await dataset.close()
    const models = [await generate(model, 'model', samples[0]), await generate(exposed, 'model1', samples[0])]
    const results = runAll(
      models,
      [0, 1].flatMap((i) => samples.map((sample) => [i, sample] as const)),
      ['-O2'],
    )
    const output = model.graph.outputs[0]!.name
    let same = 0
    const most = new Map<string, number>()
    await withSession(exposed, { optimization: 'disabled' }, async (session) => {
      for (const [n, sample] of samples.entries()) {
        const wanted = await session.run(sample)
        same += Number(best(floatsOf(wanted[output]!)) === best(floatsOf(results[n]![output]!)))
        for (const code of codes) {
          const theirs = floatsOf(wanted[code]!)
          floatsOf(results[samples.length + n]![code]!).forEach((ours, i) => {
            const apart = Math.abs(ours - theirs[i]!)
            if (apart > (most.get(code) ?? -1)) most.set(code, apart)
          })
        }
      }
    })
    expect(same).toBeGreaterThanOrEqual(0.999 * samples.length)
    expect([...most.keys()].sort()).toEqual([...codes].sort())
    expect([...most].filter(([, apart]) => apart > 1)).toEqual([])
  })
})
