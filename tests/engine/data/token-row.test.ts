import path from 'node:path'
import { expect, it } from 'vitest'
import { tokenRow } from '../../../src/engine/data/token-row'
import { openTokenizer } from '../../../src/engine/data/tokenizer'
import fixture from '../../fixtures/tokens/pairs.json'
import { readModel } from '../../../src/engine/onnx'
import { openDataset } from '../../../src/engine/data/open'
import { pairs } from '../export/text-subjects'
import { temporaryFolder, write } from './support'

it.each(fixture.cases)('pairs are as Hugging Face’s tokenizers make them: $name', async (given) => {
  const folder = temporaryFolder()
  write(folder, { 'tokenizer.json': JSON.stringify(given.tokenizer) })
  const encoder = await openTokenizer(path.join(folder, 'tokenizer.json'))
  const { maxLength, padId, two } = encoder
  expect(maxLength).toBe(13)
  for (const { texts, ids, types, mask } of given.samples) {
    const contents = texts.map((text) => Int32Array.from(encoder.encode(text)))
    const row = tokenRow({ maxLength: 13, padId }, two, contents)
    expect({
      ids: Array.from(row['token-ids']),
      types: Array.from(row['token-types']),
      mask: Array.from(row['token-mask']),
    }).toEqual({ ids, types, mask })
  }
})

it('says which two texts were joined', async () => {
  const { data, model, options } = pairs()
  const dataset = await openDataset(data, readModel(model), options)
  expect(dataset.summary().notes.join(' ')).toContain('“sentence1” and “sentence2”, joined')
  await dataset.close()
})
