/** A disk that fills up while a model is written: what was there stays, and nothing half-written is left. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { diskError, PareError } from '../../../src/contract/errors'
import { encodeModel, Model, Tensor, writeModel } from '../../../src/engine/onnx'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-write-'))
afterEach(() => vi.restoreAllMocks())
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

function model(): Model {
  const built = new Model()
  built.opsets.set('', 18)
  built.graph.initializers.set('w', Tensor.float32([4096], new Float32Array(4096).fill(0.5)))
  return built
}

/** The system's own error, after so many bytes went through. */
function fillAfter(room: number): void {
  const write = fs.writeSync.bind(fs) as (fd: number, data: Uint8Array, at: number, length: number) => number
  let left = room
  vi.spyOn(fs, 'writeSync').mockImplementation(((
    fd: number,
    data: Uint8Array,
    at: number,
    length: number,
  ) => {
    if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    const some = Math.min(length, left)
    left -= some
    return write(fd, data, at, some)
  }) as typeof fs.writeSync)
}

test('a disk that fills up half-way names what was to be written and leaves the old file', () => {
  const file = path.join(folder, 'model.onnx')
  fs.writeFileSync(file, 'finished work')
  fillAfter(1000)
  const failed = (): unknown => writeModel(model(), file)
  expect(failed).toThrow(
    expect.objectContaining({ data: { code: 'disk/full', path: file, needed: encodeModel(model()).length } }),
  )
  expect(fs.readFileSync(file, 'utf8')).toBe('finished work')
  expect(fs.readdirSync(folder)).toEqual(['model.onnx'])
})

test('a short write goes on where it stopped', () => {
  const file = path.join(folder, 'short.onnx')
  const write = fs.writeSync.bind(fs) as (fd: number, data: Uint8Array, at: number, length: number) => number
  vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, data: Uint8Array, at: number, length: number) =>
    write(fd, data, at, Math.min(length, 1000))) as typeof fs.writeSync)
  writeModel(model(), file)
  vi.restoreAllMocks()
  expect(fs.readFileSync(file)).toEqual(Buffer.from(encodeModel(model())))
})

test('an error that says already what failed is passed on', () => {
  const full = new PareError('disk/full', { path: 'model.onnx', needed: 9 })
  expect(diskError(full, 'other.onnx', 0)).toBe(full)
})
