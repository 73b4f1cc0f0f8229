import fs from 'node:fs'
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

it.each<[string, Record<string, string> | undefined, readonly string[]]>([
  ['names of columns say that two texts are joined', undefined, ['sentence1', 'sentence2']],
  [
    'the other way round where it is said',
    { input_ids: 'sentence2 + sentence1' },
    ['sentence2', 'sentence1'],
  ],
  ['one alone where it is said', { input_ids: 'sentence2' }, ['sentence2']],
])('%s', async (_, columns, read) => {
  const { data, model, options } = pairs()
  const dataset = await openDataset(data, readModel(model), { ...options, ...(columns && { columns }) })
  const { text } = await dataset.splits.validation.preview(0)
  const [line] = fs.readFileSync(path.join(data, 'validation.jsonl'), 'utf8').split('\n', 1)
  const record = JSON.parse(line!) as Record<string, string>
  expect(text).toBe(read.map((name) => record[name]).join('\n'))
  const joined = dataset.summary().notes.find((note) => note.includes('joined'))
  if (read.length === 2) expect(joined).toContain(`“${read[0]}” and “${read[1]}”, joined`)
  else expect(joined).toBeUndefined()
  expect(dataset.spec.columns).toEqual(columns)
  await dataset.close()
})

it('columns that are not there are told by name', async () => {
  const { data, model, options } = pairs()
  const columns = { input_ids: 'sentence1+body' }
  await expect(openDataset(data, readModel(model), { ...options, columns })).rejects.toMatchObject({
    code: 'data/spec',
    data: { reason: expect.stringMatching(/sentence1\+body.*there are .*sentence2/) as unknown },
  })
})
