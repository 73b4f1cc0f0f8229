/** Small files that claim much, or hold what nobody expects: each is refused with a sentence, before anything is made. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../../src/contract/errors'
import { DecodeRoom } from '../../../src/engine/data/decode-room'
import { flatNumbers, hasWords, listShape, textOf } from '../../../src/engine/data/label-column'
import { parseNpyHeader } from '../../../src/engine/data/npy'
import { openDataset } from '../../../src/engine/data/open'
import { RowWriter } from '../../../src/engine/data/row-writer'
import { Spool } from '../../../src/engine/data/spool'
import { openTokenizer } from '../../../src/engine/data/tokenizer'
import { readModel, type Model } from '../../../src/engine/onnx'
import { diskBudget } from '../../../src/engine/onnx/budget'
import { declares, npy, npz, png, temporaryFolder, tokenizerJson, write } from './support'

const deep = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`
const zeros = (count: number, first: string): string =>
  `[${[first, ...new Array(count - 1).fill('0')].join(',')}]`
const free = declares([['x', ['batch', 'length']]], [['y', ['batch', 3]]])
const classes = declares([['x', ['batch', 3]]], [['y', ['batch', 3]]])
const pictures = declares([['x', ['batch', 3, 'height', 'width']]], [['y', ['batch', 2]]])

/** A header that says what is not there. */
function claims(descr: string, shape: string): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117) + '\n'
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.from([118, 0]), Buffer.from(text)])
}

async function codeOf(work: () => Promise<unknown>): Promise<ErrorCode | 'ok'> {
  try {
    await work()
    return 'ok'
  } catch (thrown) {
    return (thrown as { code: ErrorCode }).code
  }
}

async function opening(name: string, content: string | Uint8Array, model: Model): Promise<ErrorCode | 'ok'> {
  const root = write(temporaryFolder(), { [name]: content })
  return codeOf(async () => (await openDataset(path.join(root, name), model)).close())
}

describe('lists', () => {
  test.each([
    [
      'a shape of nine thousand million numbers in 13 kB',
      `{"x":${zeros(2100, zeros(2100, zeros(2100, '1')))}}`,
    ],
    ['lists nested five thousand deep', `{"x":${deep(5000)}}`],
    ['labels nested five thousand deep', `{"x":[1,2,3],"label":${deep(5000)}}`],
    ['objects among numbers', '{"x":[1,2,{"valueOf":1}]}'],
  ])('%s', async (_, line) => {
    expect(await opening('data.jsonl', `${line}\n${line}\n`, classes)).toBe('data/unreadable')
  })

  test.each([
    ['an object that is no text', '{"x":1,"y":2,"label":{"toString":1}}'],
    ['null for every value', '{"x":null,"y":null,"label":null}'],
  ])('%s among single values', async (_, line) => {
    expect(await opening('data.jsonl', `${line}\n${line}\n`, classes)).toMatch(/^data\//)
  })

  test('what is no number, deep or an object, is told apart', () => {
    const nested = JSON.parse(deep(5000)) as unknown[]
    expect(flatNumbers(nested)).toEqual([NaN])
    expect(hasWords(nested)).toBe(true)
    expect(listShape(nested).length).toBeLessThan(100)
    expect(flatNumbers([1n, true, null, new Date(5), {}, [2]])).toEqual([1, 1, NaN, 5, NaN, 2])
    expect(hasWords([1, null, new Date(5)])).toBe(false)
    expect(hasWords([{ toString: 1 }])).toBe(true)
    expect(textOf({ a: 1n, toString: 1 })).toBe('{"a":"1","toString":1}')
    expect(textOf(null)).toBe('')
  })

  test('a row larger than memory is refused before it is made', () => {
    expect(() => new RowWriter([2 ** 20, 2 ** 20], 'float32')).toThrow(
      expect.objectContaining({ code: 'limit/memory' }),
    )
  })
})

describe('arrays', () => {
  test.each([
    ['a thousand thousand million rows of nothing', '<f4', '1000000000000, 0'],
    ['texts without characters', '|S0', '1000000000000,'],
  ])('%s', async (_, descr, shape) => {
    expect(() => parseNpyHeader(claims(descr, shape), 'x.npy')).toThrow(
      expect.objectContaining({ code: 'data/unreadable' }),
    )
    const archive = zipSync({ 'x.npy': claims(descr, shape) })
    expect(await opening('data.npz', archive, free)).toBe('data/unreadable')
  })

  test('a few rows of nothing stay what they are: states may have no length', () => {
    expect(parseNpyHeader(claims('<f4', '3, 0'), 'x.npy').shape).toEqual([3, 0])
  })

  test('masks of classes between whole numbers are refused where they are met', async () => {
    const count = 600
    const x = npy('<f4', [count, 1, 2, 2], new Float32Array(count * 4))
    const mask = new Float32Array(count * 4)
    mask[mask.length - 1] = 0.5
    const model = declares([['x', ['batch', 1, 2, 2]]], [['y', ['batch', 3, 2, 2]]])
    const root = write(temporaryFolder(), { 'data.npz': npz({ x, mask: npy('<f4', [count, 2, 2], mask) }) })
    const code = await codeOf(async () => {
      const data = await openDataset(path.join(root, 'data.npz'), model, {
        label: 'mask',
        task: 'segmentation',
      })
      for (const name of ['training', 'calibration', 'validation'] as const)
        for await (const _ of data.splits[name].batches(64));
      await data.close()
    })
    expect(code).toBe('data/labels-out-of-range')
  })

  test('what is unpacked is held against the disk before it is written', async () => {
    const folder = temporaryFolder()
    const spool = new Spool({ folder, memoryLimit: 10, expected: 4 * diskBudget(folder) })
    await expect(spool.append(new Uint8Array(20))).rejects.toMatchObject({ code: 'limit/disk' })
    expect(fs.readdirSync(folder)).toEqual([])
  })
})

describe('files of labels', () => {
  test.each([
    ['null', 'annotations.json', 'null'],
    ['a list of null', 'annotations.json', '[null]'],
    ['a line of null', 'metadata.jsonl', '{"file_name":"a.png","label":"x"}\nnull\n'],
    ['a number', 'labels.json', '7'],
  ])('%s', async (_, name, content) => {
    const picture = await png(2, 2, new Uint8Array(12))
    const root = write(temporaryFolder(), { 'a.png': picture, 'b.png': picture, [name]: content })
    expect(await codeOf(() => openDataset(root, pictures))).toBe('data/unreadable')
  })

  test('objects as labels are text', async () => {
    const picture = await png(2, 2, new Uint8Array(12))
    const labels = JSON.stringify({ 'a.png': { toString: 1 }, 'b.png': 'x' })
    const root = write(temporaryFolder(), { 'a.png': picture, 'b.png': picture, 'labels.json': labels })
    const code = await codeOf(async () => (await openDataset(root, pictures)).close())
    expect(code === 'ok' || code.startsWith('data/')).toBe(true)
  })
})

describe('requested sizes', () => {
  test('a tokenizer without a limit sets none', async () => {
    const file = path.join(temporaryFolder(), 'tokenizer.json')
    const tokenizer = JSON.parse(tokenizerJson(['a', 'b'])) as Record<string, unknown>
    fs.writeFileSync(file, JSON.stringify({ ...tokenizer, truncation: { max_length: 1e10 } }))
    expect((await openTokenizer(file)).maxLength).toBe(65_536)
  })

  test('patterns that never come to an end are refused, with others it goes on', async () => {
    const file = path.join(temporaryFolder(), 'tokenizer.json')
    const tokenizer = JSON.parse(tokenizerJson(['a', 'b'])) as Record<string, unknown>
    const pre_tokenizer = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated' })
    const open = (regex: string) => {
      fs.writeFileSync(file, JSON.stringify({ ...tokenizer, pre_tokenizer: pre_tokenizer(regex) }))
      return openTokenizer(file, 300)
    }
    const hostile = await open('^(a+)+$')
    const text = `${'a'.repeat(60)}!`
    expect(() => hostile.encode(text)).toThrow(
      expect.objectContaining({
        data: {
          code: 'data/unreadable',
          path: file,
          reason: 'it takes more than 1 s for a text of 61 characters',
        },
      }),
    )
    expect(hostile.encode('a')).toHaveLength(1)
    expect((await open(' ')).encode(text).length).toBeGreaterThan(0)
    // The word with which it is tried out when opened is a text as well.
    expect(await codeOf(() => open('^((t|e|x|t)+)+[^ext]$'))).toMatch(/ok|data\/unreadable/)
  })

  test.each([{ width: 2 ** 40 }, { height: 1e9 }])('a picture of %o', async (preprocessing) => {
    const picture = await png(2, 2, new Uint8Array(12))
    const root = write(temporaryFolder(), { 'a/1.png': picture, 'b/2.png': picture })
    expect(await codeOf(() => openDataset(root, pictures, { preprocessing }))).toBe('data/spec')
  })

  test('pictures that memory cannot hold', async () => {
    const picture = await png(2, 2, new Uint8Array(12))
    const root = write(temporaryFolder(), { 'a/1.png': picture, 'b/2.png': picture })
    const data = await openDataset(root, pictures, { preprocessing: { width: 2 ** 15, height: 2 ** 15 } })
    const first = data.splits.validation.batches(2 ** 20)[Symbol.asyncIterator]()
    expect(await codeOf(() => first.next())).toMatch(/ok|limit\/memory/)
    await data.close()
  })
})

describe('pictures are decoded as memory allows', () => {
  const size = { width: 10, height: 10 }

  test('as many at once as there is room for, in turn', async () => {
    const room = new DecodeRoom(2000)
    let now = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 1))
      now--
    }
    await Promise.all(Array.from({ length: 9 }, () => room.with(size, work)))
    expect(most).toBe(2)
  })

  test('room is given back where decoding fails; what never fits is an error of that file', async () => {
    const room = new DecodeRoom(1000)
    const failing = room.with(size, () => Promise.reject(new Error('damaged')))
    const after = room.with(size, async () => 'read')
    await expect(failing).rejects.toThrow('damaged')
    expect(await after).toBe('read')
    await expect(room.with({ width: 1000, height: 1000 }, async () => 1)).rejects.toThrow(
      '1000 × 1000 pixels',
    )
  })
})

test.runIf(process.platform !== 'win32')(
  'pipes and devices are not waited for, whatever they should be',
  async () => {
    const folder = write(temporaryFolder(), { 'tokenizer.json': tokenizerJson(['a']) })
    const pipe = path.join(folder, 'data.csv')
    execFileSync('mkfifo', [pipe])
    for (const special of [pipe, '/dev/zero', '/dev/null']) {
      expect(await codeOf(() => openDataset(special, classes)), special).toBe('data/unrecognised')
      expect(await codeOf(async () => readModel(special)), special).toBe('model/not-onnx')
      expect(await codeOf(() => openTokenizer(special)), special).toBe('data/unreadable')
    }
    execFileSync('mkfifo', [path.join(folder, 'tokenizer_config.json')])
    expect((await openTokenizer(path.join(folder, 'tokenizer.json'))).encode('a')).toHaveLength(1)
    // Among other files of a folder they are no files.
    expect(await codeOf(() => openDataset(folder, classes))).toBe('data/unrecognised')
  },
)
