import { describe, expect, test } from 'vitest'
import { openDataset, type OpenOptions } from '../../../src/engine/data/open'
import { readModel } from '../../../src/engine/onnx'
import { hasReference, reference } from '../../reference'
import { accuracy, rSquared } from './scoring'

const open = (model: string, data: string, options?: OpenOptions) =>
  openDataset(reference('data', data), readModel(reference('models', `${model}.onnx`)), options)

describe.skipIf(!hasReference)('the reference data, with the figures of the reference table', () => {
  test.each([
    ['lenet5', 'digits/npz', 0.994],
    ['lenet300', 'digits/npz', 0.994],
    ['cnn1d', 'bearing', 0.9222],
    ['cnn1d_bn_legacy', 'bearing/npz', 0.9222],
    ['bert', 'text', 0.7423],
    ['lenet5', 'digits/png', 0.994],
    ['lenet5', 'digits/csv', 0.994],
    ['lenet300', 'digits/png', 0.994],
  ])('%s on %s', async (name, data, expected) => {
    const model = readModel(reference('models', `${name}.onnx`))
    const dataset = await openDataset(reference('data', data), model)
    try {
      expect(dataset.task).toBe('classification')
      expect(await accuracy(model, dataset)).toBeCloseTo(expected, 4)
      for (const split of Object.values(dataset.splits)) expect(split.origin).toBe('given')
    } finally {
      await dataset.close()
    }
  })

  test('mlp on control is a regression', async () => {
    const model = readModel(reference('models', 'mlp.onnx'))
    const dataset = await openDataset(reference('data/control'), model)
    expect(dataset.task).toBe('regression')
    expect(await rSquared(model, dataset)).toBeGreaterThan(0.9999)
    expect(dataset.summary().splits).toEqual({
      calibration: { samples: 256, origin: 'given' },
      training: { samples: 16000, origin: 'given' },
      validation: { samples: 4000, origin: 'given' },
    })
    await dataset.close()
  })

  test('texts with their tokenizer are the same ids as the ready ones', async () => {
    const model = readModel(reference('models', 'bert.onnx'))
    const texts = await openDataset(reference('data/text'), model, { format: 'text' })
    const ids = await openDataset(reference('data/text'), model, { format: 'npz' })
    for (const split of ['calibration', 'validation'] as const) {
      expect(texts.splits[split].length).toBe(ids.splits[split].length)
      const ready = ids.splits[split].batches(256)[Symbol.asyncIterator]()
      for await (const batch of texts.splits[split].batches(256)) {
        const { value: other } = (await ready.next()) as IteratorYieldResult<typeof batch>
        expect(batch.inputs['input_ids']!.data).toEqual(other.inputs['input_ids']!.data)
        expect(batch.inputs['attention_mask']!.data).toEqual(other.inputs['attention_mask']!.data)
        expect(batch.labels!.data).toEqual(other.labels!.data)
      }
    }
    expect(texts.kind).toBe('text')
    expect(await texts.splits.validation.preview(0)).toMatchObject({
      index: 0,
      label: expect.any(String) as string,
    })
    await texts.close()
    await ids.close()
  })

  test('a folder with several forms says which one it took', async () => {
    const dataset = await open('cnn1d', 'bearing')
    expect(dataset.summary().notes.join(' ')).toContain('Read: npz. Left out: csv.')
    await dataset.close()
  })
})
