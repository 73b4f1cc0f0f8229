import fs from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { characterList } from '../../../src/engine/data/transcripts/characters'
import type { Dim, Model } from '../../../src/engine/onnx'
import { textsOf } from '../../../src/engine/tasks/transcription/texts'
import { wires } from '../evaluate/support'
import { temporaryFolder } from './support'

const put = (folder: string, name: string, text: string): string => {
  const file = path.join(folder, name)
  fs.writeFileSync(file, text)
  return file
}

it('reads lists of characters in their usual forms', async () => {
  const folder = temporaryFolder()
  expect(await characterList(put(folder, 'characters.txt', 'a\n \n　\nb\n'))).toEqual(['a', ' ', '　', 'b'])
  expect(await characterList(put(folder, 'tokens.txt', '<blk> 0\n▁the 2\ns 1\n'))).toEqual([
    '<blk>',
    's',
    '▁the',
  ])
  expect(await characterList(put(folder, 'vocab.json', '{"<pad>": 0, "|": 2, "E": 1}'))).toEqual([
    '<pad>',
    'E',
    '|',
  ])
  expect(await characterList(put(folder, 'names.json', '{"0": "x", "1": "y"}'))).toEqual(['x', 'y'])
  expect(await characterList(put(folder, 'list.json', '["x", "y"]'))).toEqual(['x', 'y'])
  await expect(characterList(put(folder, 'gap.json', '{"a": 0, "b": 5}'))).rejects.toMatchObject({
    data: { code: 'data/unreadable' },
  })
  await expect(characterList(put(folder, 'bad.json', '{'))).rejects.toMatchObject({
    data: { code: 'data/unreadable' },
  })
})

/** A picture [3, 8, W] seen as scores of 8 characters at 3 steps each pixel wide: enough to be opened. */
function reader(width: Dim): Model {
  const model = wires({ x: { dims: ['N', 3, 8, width], to: 'y' } })
  model.graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['N', 'T', 11] }]
  return model
}

async function lines(list: boolean): Promise<string> {
  const folder = temporaryFolder()
  const rows = ['file,text']
  for (let i = 0; i < 12; i++) {
    await sharp({ create: { width: 16 + 8 * (i % 3), height: 8, channels: 3, background: '#ffffff' } })
      .png()
      .toFile(path.join(folder, `${i}.png`))
    rows.push(`${i}.png,${String(i).padStart(3, '0')}`)
  }
  put(folder, 'labels.csv', rows.join('\n'))
  if (list) put(folder, 'characters.txt', [...'0123456789'].join('\n'))
  return folder
}

it('keeps texts of digits as they are written, and gives lines the width of the longest', async () => {
  const data = await openDataset(await lines(true), reader('W'))
  expect(data.task).toBe('transcription')
  expect(data.classes).toHaveLength(10)
  expect(data.preprocessing).toMatchObject({ resize: 'letterbox', width: 32, height: 8, mean: [0.5] })
  const texts: string[] = []
  for (const split of Object.values(data.splits))
    for await (const { labels } of split.batches(5)) texts.push(...textsOf(labels!))
  expect(new Set(texts)).toEqual(new Set(Array.from({ length: 12 }, (_, i) => String(i).padStart(3, '0'))))
  expect((await data.splits.validation.preview(0)).label).toMatch(/^0\d\d$/)
  await data.close()
})

it('says what is missing where texts are asked for without their characters', async () => {
  await expect(openDataset(await lines(false), reader(32), { task: 'transcription' })).rejects.toMatchObject({
    data: { code: 'data/characters-missing', scores: '11' },
  })
  const data = await openDataset(await lines(false), reader(32), {
    task: 'transcription',
    classes: [...'0123456789'],
  })
  expect(data.preprocessing).toMatchObject({ width: 32, resize: 'letterbox' })
  await data.close()
})
