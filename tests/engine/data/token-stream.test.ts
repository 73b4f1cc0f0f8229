import fs from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { Model, Tensor } from '../../../src/engine/onnx'
import { temporaryFolder } from './support'

const VOCABULARY = 20

/** A table of scores of the next token for each, as a bigram model has; a mask that is read and not used. */
function bigram(): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const { graph } = model
  graph.inputs = ['input_ids', 'attention_mask'].map((name) => ({ name, dtype: 'int64', dims: ['N', 8] }))
  graph.outputs = [{ name: 'logits', dtype: 'float32', dims: ['N', 8, VOCABULARY] }]
  graph.initializers.set(
    'table',
    Tensor.float32([VOCABULARY, VOCABULARY], new Array<number>(VOCABULARY ** 2).fill(0)),
  )
  graph.initializers.set('axis', Tensor.int64([2]))
  graph.addNode({ opType: 'Gather', inputs: ['table', 'input_ids'], outputs: ['scores'] })
  graph.addNode({
    opType: 'Cast',
    inputs: ['attention_mask'],
    outputs: ['mask'],
    attributes: { to: { int: 1 } },
  })
  graph.addNode({ opType: 'Unsqueeze', inputs: ['mask', 'axis'], outputs: ['column'] })
  graph.addNode({ opType: 'Mul', inputs: ['scores', 'column'], outputs: ['logits'] })
  return model
}

const TOKENS = Array.from({ length: 400 }, (_, i) => (i * i + 3) % VOCABULARY)

it.each([
  ['uint16', Uint16Array.from(TOKENS)],
  ['uint32', Uint32Array.from(TOKENS)],
  ['llm.c, behind its head', Uint32Array.from([20240520, ...new Array<number>(255).fill(0), ...TOKENS])],
])('reads streams of %s, judged on the next token', async (_, values) => {
  const file = path.join(temporaryFolder(), 'train.bin')
  fs.writeFileSync(file, new Uint8Array(values.buffer))
  const data = await openDataset(file, bigram())
  expect(data.task).toBe('language-model')
  expect(data.summary().samples).toBe(50)
  for await (const { inputs, labels } of data.splits.validation.batches(1)) {
    const ids = Array.from(inputs['input_ids']!.data as BigInt64Array, Number)
    const from = TOKENS.findIndex((_token, i) => i % 8 === 0 && ids.every((id, t) => id === TOKENS[i + t]))
    expect(from).toBeGreaterThanOrEqual(0)
    expect(Array.from(inputs['attention_mask']!.data as BigInt64Array, Number)).toEqual(new Array(8).fill(1))
    expect(Array.from(labels!.data as BigInt64Array, Number)).toEqual([...ids.slice(1), -100])
  }
  await data.close()
})

it('says which token the model does not know', async () => {
  const file = path.join(temporaryFolder(), 'tokens.bin')
  fs.writeFileSync(file, new Uint8Array(Uint16Array.from([...TOKENS, 77, ...TOKENS]).buffer))
  const read = async (): Promise<void> => {
    const data = await openDataset(file, bigram())
    for (const split of Object.values(data.splits)) for await (const _ of split.batches(64));
  }
  await expect(read()).rejects.toMatchObject({
    data: { code: 'data/unreadable', reason: 'token 400 is 77, and the model knows 20' },
  })
})
