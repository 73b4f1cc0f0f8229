import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { probeHere } from '../../../src/engine/evaluate/memory'
import { Graph, Model, Tensor, writeModel } from '../../../src/engine/onnx'
import { floats } from './support'

let folder = ''
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-memory-'))))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

/** A model whose one weight takes `megabytes`. */
function heavy(megabytes: number): string {
  const columns = megabytes * 1024
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  const graph = new Graph()
  graph.inputs.push({ name: 'x', dtype: 'float32', dims: [1, 256] })
  graph.outputs.push({ name: 'y', dtype: 'float32', dims: [1, columns] })
  graph.initializers.set('w', Tensor.float32([256, columns], new Float32Array(256 * columns).fill(0.5)))
  graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] })
  model.graph = graph
  const file = path.join(folder, `${megabytes}.onnx`)
  writeModel(model, file)
  return file
}

const feeds = { x: floats([1, 256], Array(256).fill(1)) }

describe('probeHere', () => {
  it('sees the weights a model holds', async () => {
    const large = await probeHere({ model: heavy(128), feeds })
    // Twice while they are packed for the kernel; a little less where freed memory of this process is used again.
    expect(large.peakBytes / 2 ** 20).toBeGreaterThan(64)
    expect(large.peakBytes / 2 ** 20).toBeLessThan(420)
  })

  it('brings the error of a model that does not load', async () => {
    const file = path.join(folder, 'broken.onnx')
    fs.writeFileSync(file, 'no model')
    await expect(probeHere({ model: file, feeds })).rejects.toMatchObject({
      data: { code: 'model/not-loadable', file },
    })
  })
})
