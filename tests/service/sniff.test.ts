import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { zipSync } from 'fflate'
import { afterAll, expect, test } from 'vitest'
import { FileStore, safeRelative } from '../../src/service/files'
import { sniff } from '../../src/service/sniff'
import { isArchiveOfFiles } from '../../src/service/zip-kind'
import { bearing, digits } from './conformance'

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-sniff-'))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const put = (name: string, content: string | Uint8Array): string => {
  const file = path.join(scratch, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
  return file
}
const model = fs.readFileSync(path.join(bearing, 'cnn1d.onnx'))
const image = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])

test.each<[string, string | Uint8Array, string]>([
  ['net.onnx', model, 'model'],
  ['net.bin', model, 'model'],
  ['net-without-ending', model, 'model'],
  ['cut.onnx', model.subarray(0, 100), 'model'],
  ['text.onnx', 'this is no model', 'model'],
  ['empty.onnx', '', 'model'],
  ['array.npy', '\x93NUMPY\x01\x00', 'dataset'],
  ['table.csv', 'a,b\n1,2\n', 'dataset'],
  ['one-column.csv', 'a\n1\n', 'dataset'],
  ['table.txt', 'a;b\n1;2\n', 'dataset'],
  ['lines.jsonl', '{"text": "a"}\n{"text": "b"}\n', 'dataset'],
  ['recipe.json', '{"name": "x", "steps": []}', 'recipe'],
  ['renamed-recipe.txt', '{"name": "x", "steps": []}', 'recipe'],
  ['tokenizer.json', '{"version": "1.0", "added_tokens": [], "model": {"type": "BPE"}}', 'tokenizer'],
  ['spec.json', '{"task": "events", "preprocessing": {"scale": 2}}', 'data-spec'],
  ['renamed-spec.txt', '{"label": "force"}', 'data-spec'],
  ['other.json', '{"label": "force", "text": "a sample of a text"}', 'dataset'],
  ['nothing.json', '{}', 'dataset'],
  ['pixel.png', image, 'dataset'],
  ['pixels.zip', zipSync({ 'a/1.png': image }), 'dataset'],
  ['story.txt', 'Once upon a time', 'unknown'],
  ['random.xyz', new Uint8Array([9, 0, 1]), 'unknown'],
])('%s', (name, content, kind) => {
  expect(sniff(put(name, content))).toBe(kind)
})

test('folders, and what is not there', () => {
  expect(sniff(path.join(digits, 'data'))).toBe('dataset')
  expect(sniff(path.join(scratch, 'gone'))).toBe('unknown')
  put('with-weights/net.onnx', model)
  put('with-weights/net.onnx.data', new Uint8Array(8))
  expect(sniff(path.join(scratch, 'with-weights'))).toBe('model')
})

test('a zip of files is told from one of arrays', () => {
  expect(isArchiveOfFiles(put('files.zip', zipSync({ '0/a.png': image })))).toBe(true)
  expect(isArchiveOfFiles(put('arrays.npz', zipSync({ 'x.npy': image })))).toBe(false)
  expect(isArchiveOfFiles(put('none.zip', 'no'))).toBe(false)
})

test.each(['../a', 'a/../../b', '', '/', 'a\u0000', 'a:b', 'x'.repeat(300), 'a/'.repeat(40)])(
  '%j cannot be stored',
  (name) => {
    expect(() => safeRelative(name)).toThrow()
  },
)

test('names are kept inside, however they are written', () => {
  expect(safeRelative('/digits//3\\a b.png')).toBe(path.join('digits', '3', 'a b.png'))
})

test('what is adopted is referred to; what is gathered lies together', () => {
  const store = new FileStore(path.join(scratch, 'store'), () => undefined)
  const a = store.adopt(put('parts/train.npz', zipSync({ 'x.npy': image })))
  const b = store.adopt(put('parts/validation.npz', zipSync({ 'x.npy': image })))
  expect(store.pathOf(a.id)).toBe(path.join(scratch, 'parts/train.npz'))
  const both = store.gather([a, b], 'two')
  expect(fs.readdirSync(store.pathOf(both.id))).toEqual(['train.npz', 'validation.npz'])
  expect(both.kind).toBe('dataset')

  // Records survive; what nobody uses goes, but never a file that was only referred to.
  const again = new FileStore(path.join(scratch, 'store'), () => undefined)
  expect(again.get(both.id)).toEqual(both)
  const home = again.pathOf(both.id)
  again.keepOnly(new Set([a.id]))
  expect(fs.existsSync(home)).toBe(false)
  expect(() => again.get(b.id)).toThrow(expect.objectContaining({ code: 'not-found' }) as Error)
  expect(fs.existsSync(path.join(scratch, 'parts/validation.npz'))).toBe(true)
})

test.runIf(process.platform !== 'win32')(
  'a pipe or device that is dropped is nothing of ours, and not waited for',
  () => {
    const pipe = path.join(scratch, 'net.onnx.pipe')
    execFileSync('mkfifo', [pipe])
    for (const special of [pipe, '/dev/zero']) expect(sniff(special)).toBe('unknown')
  },
)
