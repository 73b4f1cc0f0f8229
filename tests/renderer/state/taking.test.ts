import { describe, expect, it } from 'vitest'
import { batches } from '../../../src/renderer/state/taking'

const dropped = (...paths: string[]) => paths.map((relativePath) => ({ file: {}, relativePath }))
const names = (...paths: string[]) =>
  batches(dropped(...paths)).map((batch) => batch.map(({ relativePath }) => relativePath))

describe('what is handed over first', () => {
  it('is the model, with its weights, where folders of data come with it', () => {
    expect(names('digits/0/a.png', 'm.onnx', 'm.onnx.data', 'digits/1/b.png')).toEqual([
      ['m.onnx', 'm.onnx.data'],
      ['digits/0/a.png', 'digits/1/b.png'],
    ])
  })

  it('is everything at once where files may belong together', () => {
    expect(names('m.onnx', 'labels.csv', 'pictures/a.png')).toHaveLength(1)
    expect(names('train/a.png', 'test/b.png')).toHaveLength(1)
    expect(names('m.onnx', 'x.npz')).toHaveLength(1)
  })
})
