/** Gradients of whole networks against PyTorch's autograd in double precision. */
import fs from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readModel } from '../../../src/engine/onnx'
import { float32, openSession, type Value, type Values } from '../../../src/engine/runtime'
import { buildTrainingGraph } from '../../../src/engine/training/graph'
import { withWeightInitializers } from '../../../src/engine/layers/normalize'
import { Parameters, trainableWeights } from '../../../src/engine/training/trainable'
import { hasReference, reference } from '../../reference'

interface Entry {
  dtype: 'float32' | 'float64' | 'int64'
  shape: number[]
  off: number
  len: number
}

function load(name: string): { names: string[]; value(entry: string): Value } {
  const index = JSON.parse(fs.readFileSync(reference('gradients', `${name}.ref.json`), 'utf8')) as Record<
    string,
    Entry
  >
  const bytes = fs.readFileSync(reference('gradients', `${name}.ref.bin`))
  const types = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array }
  return {
    names: Object.keys(index),
    value(key) {
      const { dtype, shape, off, len } = index[key]!
      const data = new types[dtype](Uint8Array.from(bytes.subarray(off, off + len)).buffer)
      return { dtype, dims: shape, data }
    },
  }
}

/** Gradients that are zero in theory have no relative error. */
const zeroInTheory = (largest: number): boolean => largest < 1e-7

// What float32 can reach, as measured once with an independent implementation; see the folder's README.
const CASES = [
  ['lenet5_ts', 'g64', 2e-6],
  ['zoo', 'g64', 5e-6],
  ['tfm', 'g64', 8e-6],
  ['mbv2_ts', 'g64', 5e-6],
  ['mbv2_fused', 'g64', 1e-3],
  ['mbv2_fused', 'g32', 2e-5],
] as const

describe.skipIf(!hasReference)('gradients against PyTorch', () => {
  test.each(CASES)('%s against %s within %s of the largest', async (name, kind, tolerance) => {
    const stored = load(name)
    const { model } = withWeightInitializers(readModel(reference('gradients', `${name}.onnx`)))
    const x = stored.value('x')
    const wanted = stored.names.filter((key) => key.startsWith(`${kind}:`)).map((key) => key.slice(4))
    expect(trainableWeights(model.graph)).toEqual(expect.arrayContaining(wanted))
    const training = await buildTrainingGraph(model, {
      feeds: { x },
      trainable: wanted,
      loss: { kind: 'cross-entropy', value: 'logits', hard: true, soft: true },
    })
    expect([...training.weights].sort()).toEqual([...wanted].sort())
    const parameters = Parameters.of(model, training.weights)
    const { ports } = training
    const rows = x.dims[0]!
    const feeds: Values = {
      x,
      [ports.labels!]: stored.value('y'),
      [ports.teacher!]: stored.value('t'),
      [ports.rows]: float32([rows], new Float32Array(rows).fill(1 / rows)),
      [ports.alpha!]: float32([], Float32Array.of(0.7)),
      [ports.temperature!]: float32([], Float32Array.of(3)),
    }
    training.weights.forEach(
      (weight, i) => (feeds[weight] = float32(parameters.dims[i]!, parameters.view(i))),
    )
    const session = await openSession(training.model, { threads: 2, memoryPattern: false })
    const outputs = await session.run(feeds)
    await session.release()
    const loss = (outputs[ports.loss]!.data as Float32Array)[0]!
    expect(loss).toBeCloseTo((stored.value('loss').data as Float32Array)[0]!, 4)
    let worst = 0
    training.weights.forEach((weight, i) => {
      const expected = stored.value(`${kind}:${weight}`).data as Float64Array
      const got = outputs[training.gradients[i]!]!
      expect(got.dims).toEqual(parameters.dims[i])
      const data = got.data as Float32Array
      let largest = 0
      let off = 0
      for (let j = 0; j < data.length; j++) {
        largest = Math.max(largest, Math.abs(expected[j]!))
        off = Math.max(off, Math.abs(expected[j]! - data[j]!))
      }
      if (!zeroInTheory(largest)) worst = Math.max(worst, off / largest)
    })
    expect(worst).toBeLessThan(tolerance)
  })
})
