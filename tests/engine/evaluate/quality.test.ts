import { describe, expect, it } from 'vitest'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { arrayDataset, floats, ints, wires } from './support'

const x = floats([5, 2], [1, 0, 0, 1, 3, 2, 1, 2, 0, 4])
const labels = ints([5], [0, 1, 0, 0, 1])
const dataset = arrayDataset({ task: 'classification', inputs: { x }, labels, classes: ['a', 'b'] })

describe('measureQuality', () => {
  it('gives the same for a fixed batch, padding the last', async () => {
    const free = wires({ x: { dims: ['N', 2] } })
    for (const fixed of [1, 2, 3, 8]) {
      const { original, candidates } = await measureQuality(free, [wires({ x: { dims: [fixed, 2] } })], {
        dataset,
        batchSize: 4,
      })
      expect(candidates[0]!.samples).toEqual(original.samples)
      expect(candidates[0]!.quality).toEqual(original.quality)
      expect(candidates[0]!.fidelity).toMatchObject({ agreement: 1, sqnr: 200, samples: 5 })
    }
  })

  it('honours the limit and reports progress', async () => {
    const seen: number[][] = []
    const model = wires({ x: { dims: ['N', 2] } })
    const progress = (...at: [number, number]): number => seen.push(at)
    const { original } = await measureQuality(model, [], { dataset, batchSize: 2, limit: 3, progress })
    expect(original.samples.index).toEqual([0, 1, 2])
    expect(original.fidelity).toBeUndefined()
    expect(seen).toEqual([
      [2, 3],
      [3, 3],
    ])
  })

  it('reads the output that has the classes', async () => {
    const model = wires({
      x: { dims: ['N', 2], to: 'logits' },
      hidden: { dims: ['N', 2] },
      z: { dims: ['N', 7] },
    })
    const inputs = { x, hidden: floats([5, 2], Array(10).fill(0)), z: floats([5, 7], Array(35).fill(0)) }
    const { original } = await measureQuality(model, [], {
      dataset: arrayDataset({ task: 'classification', inputs, labels, classes: ['a', 'b'] }),
    })
    expect(original.output.names).toEqual(['logits'])
    expect(original.output.reason).toBe(
      'logits is the best named of the outputs with one value for each of the 2 classes',
    )
    expect(original.quality.value).toBe(0.8)
  })

  it('says which input does not fit the data', async () => {
    const absent = wires({ x: { dims: ['N', 2] }, mask: { dims: ['N', 2] } })
    await expect(measureQuality(absent, [], { dataset })).rejects.toMatchObject({
      data: { code: 'data/shape-mismatch', input: 'mask', expected: 'float32 [N, 2]', got: 'nothing' },
    })
    const wider = wires({ x: { dims: ['N', 3] } })
    await expect(measureQuality(wider, [], { dataset })).rejects.toMatchObject({
      data: { code: 'data/shape-mismatch', input: 'x', got: 'float32 [5, 2]' },
    })
    const whole = wires({ x: { dims: ['N', 2], dtype: 'int64' } })
    await expect(measureQuality(whole, [], { dataset })).rejects.toMatchObject({
      data: { code: 'data/shape-mismatch', expected: 'int64 [N, 2]' },
    })
  })

  it('stops when cancelled and refuses an empty split', async () => {
    const model = wires({ x: { dims: ['N', 2] } })
    await expect(measureQuality(model, [], { dataset, signal: AbortSignal.abort() })).rejects.toMatchObject({
      data: { code: 'cancelled' },
    })
    const empty = arrayDataset({
      task: 'classification',
      inputs: { x: floats([0, 2], []) },
      labels: ints([0], []),
    })
    await expect(measureQuality(model, [], { dataset: empty })).rejects.toMatchObject({
      data: { code: 'data/empty' },
    })
  })

  it('lets go of a decoding that fails', async () => {
    const broken = arrayDataset({ task: 'classification', inputs: { x }, labels, classes: ['a', 'b'] })
    const { batches } = broken.splits.validation
    broken.splits.validation.batches = async function* (size, options) {
      for await (const batch of batches(size, options)) {
        if (batch.indices[0]! > 1) throw new Error('the disk went away')
        yield batch
      }
    }
    const model = wires({ x: { dims: ['N', 2] } })
    await expect(measureQuality(model, [], { dataset: broken, batchSize: 2 })).rejects.toThrow(
      'the disk went away',
    )
  })
})
