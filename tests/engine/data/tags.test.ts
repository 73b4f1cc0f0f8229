import fs from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { Model, Tensor } from '../../../src/engine/onnx'
import { viewsOf, wholeWay } from '../tasks/whole-way'
import { tokenizerJson } from './files'
import { temporaryFolder } from './support'

const WORDS = ['anna', 'bob', 'lives', 'in', 'rome', 'near']
const TAGS = ['O', 'B-PER', 'B-LOC']

/** Scores of tags by a table: what its tokenizer makes of names is a person or a place. */
function tagger(ids: readonly number[][]): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const { graph } = model
  graph.inputs = [{ name: 'input_ids', dtype: 'int64', dims: ['N', 'T'] }]
  graph.outputs = [{ name: 'logits', dtype: 'float32', dims: ['N', 'T', 3] }]
  const tagOfId = (id: number): number =>
    Math.max(
      0,
      ids.findIndex((own) => own.includes(id)),
    )
  const table = Array.from({ length: 3 * 40 }, (_, i) => Number(i % 3 === tagOfId(Math.floor(i / 3))))
  graph.initializers.set('table', Tensor.float32([40, 3], table))
  graph.addNode({ opType: 'Gather', inputs: ['table', 'input_ids'], outputs: ['logits'] })
  return model
}

const SENTENCES = Array.from({ length: 40 }, (_, i) => [
  ['anna', 'bob'][i % 2]!,
  'lives',
  ...(i % 3 ? ['in', 'rome'] : ['near', 'bob'].slice(0, 1 + (i % 2))),
])
const tagOf = (word: string): number => (['anna', 'bob'].includes(word) ? 1 : word === 'rome' ? 2 : 0)

function folderOf(lines: readonly object[]): string {
  const folder = temporaryFolder()
  fs.writeFileSync(path.join(folder, 'tokenizer.json'), tokenizerJson(WORDS))
  fs.writeFileSync(path.join(folder, 'classes.txt'), TAGS.join('\n'))
  fs.writeFileSync(path.join(folder, 'sentences.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
  return folder
}

const tokenIds = (): Record<string, number> =>
  (JSON.parse(tokenizerJson(WORDS)) as { model: { vocab: Record<string, number> } }).model.vocab

it.each<[string, (word: string) => string | number]>([
  ['names', (word: string) => TAGS[tagOf(word)]!],
  ['numbers', tagOf],
])('tags of words as %s go over a candidate and its samples to a bundle', async (_, of) => {
  const vocab = tokenIds()
  const model = tagger([[], ['anna', 'bob'].map((word) => vocab[word]!), [vocab['rome']!]])
  const folder = folderOf(SENTENCES.map((tokens) => ({ tokens, ner_tags: tokens.map(of) })))
  const data = await openDataset(folder, model)
  expect(data.task).toBe('tagging')
  expect(data.classes).toEqual(TAGS)
  const { original, candidate, detail } = await wholeWay(model, data)
  expect(original.quality).toMatchObject({ metric: 'entityF1', value: 1, others: { accuracy: 1 } })
  expect(candidate.quality.value).toBe(1)
  for (const { parts } of viewsOf(detail.outputs, 'text')) {
    const text = parts.map((part) => part.text).join('')
    expect(text.trim()).toBe(detail.preview.text)
    expect(parts.find(({ mark }) => mark === 'PER')!.text).toMatch(/anna|bob/)
  }
  await data.close()
})

it('says where there is not a tag for every word, and which tag is none of the model', async () => {
  const short = folderOf([{ tokens: ['anna', 'lives'], ner_tags: [1] }])
  await expect(openDataset(short, tagger([]))).rejects.toMatchObject({
    data: { code: 'data/unreadable', reason: 'line 1 has 1 tags for 2 tokens' },
  })
  const data = await openDataset(
    folderOf([{ tokens: ['anna', 'lives'], ner_tags: ['B-ORG', 'O'] }]),
    tagger([]),
  )
  const read = async (): Promise<void> => {
    for await (const _ of data.splits.validation.batches(4));
  }
  await expect(read()).rejects.toMatchObject({ data: { code: 'data/labels-out-of-range', label: 'B-ORG' } })
  await data.close()
})
