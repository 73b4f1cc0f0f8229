/** Quality measured with nothing but ONNX Runtime, to hold datasets against the reference figures. */
import type { Dataset } from '../../../src/engine/data/dataset'
import type { Model } from '../../../src/engine/onnx'
import { withSession } from '../../../src/engine/runtime/session'
import { floatsOf } from '../../../src/engine/runtime/value'

export async function accuracy(model: Model, dataset: Dataset, limit?: number): Promise<number> {
  return withSession(model, { threads: 1 }, async (session) => {
    let right = 0
    let total = 0
    for await (const batch of dataset.splits.validation.batches(64, limit === undefined ? {} : { limit })) {
      const output = (await session.run(batch.inputs))[model.graph.outputs[0]!.name]!
      const scores = floatsOf(output)
      const classes = output.dims.at(-1)!
      for (const [i, label] of Array.from(batch.labels!.data as BigInt64Array).entries()) {
        const row = scores.subarray(i * classes, (i + 1) * classes)
        if (row.indexOf(Math.max(...row)) === Number(label)) right++
        total++
      }
    }
    return right / total
  })
}

export async function rSquared(model: Model, dataset: Dataset): Promise<number> {
  return withSession(model, { threads: 1 }, async (session) => {
    const truth: number[] = []
    const guess: number[] = []
    for await (const batch of dataset.splits.validation.batches(256)) {
      truth.push(...floatsOf(batch.labels!))
      guess.push(...floatsOf((await session.run(batch.inputs))[model.graph.outputs[0]!.name]!))
    }
    const mean = truth.reduce((a, b) => a + b, 0) / truth.length
    const residual = truth.reduce((sum, t, i) => sum + (t - guess[i]!) ** 2, 0)
    return 1 - residual / truth.reduce((sum, t) => sum + (t - mean) ** 2, 0)
  })
}
