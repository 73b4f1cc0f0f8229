import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { EngineHost, forkEngine } from '../../../src/service'
import { encodeModel, Model, Tensor } from '../../../src/engine/onnx'
import { bundled } from '../../bundled'

/** Small declared sizes that multiply while the model runs: 2^k elements after k additions of a row to a column. */
function growing(side: number): Uint8Array {
  const model = new Model()
  model.irVersion = 8
  model.opsets.set('', 17)
  const { graph } = model
  graph.inputs.push({ name: 'x', dtype: 'float32', dims: [1, side] })
  graph.outputs.push({ name: 'y', dtype: 'float32', dims: [1, side] })
  const column = graph.addInitializer('shape', Tensor.int64([side, 1]))
  graph.addNode({ opType: 'Reshape', inputs: ['x', column], outputs: ['column'] })
  graph.addNode({ opType: 'Add', inputs: ['x', 'column'], outputs: ['square'] })
  graph.addNode({ opType: 'Exp', inputs: ['square'], outputs: ['more'] })
  const first = graph.addInitializer('first', Tensor.int64([0]))
  graph.addNode({
    opType: 'ReduceSum',
    inputs: ['more', first],
    outputs: ['y'],
    attributes: { keepdims: { int: 1 } },
  })
  return encodeModel(model)
}

test('a job that outgrows its budget is ended and told so; the next one works', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-watch-'))
  const file = path.join(folder, 'growing.onnx')
  fs.writeFileSync(file, growing(20_000))
  const worker = await bundled('worker')
  const host = new EngineHost(() => forkEngine(worker, { memory: 700 * 2 ** 20 }))
  try {
    await expect(host.run('inspect', { model: file }, { during: 'reading the model' })).rejects.toMatchObject(
      {
        code: 'engine/out-of-memory',
        data: { during: 'reading the model' },
      },
    )
    const model = path.resolve('resources/samples/bearing/cnn1d.onnx')
    const found = await host.run('inspect', { model }, { during: 'reading the model' })
    expect(found.parameters).toBeGreaterThan(1000)
  } finally {
    host.close()
    fs.rmSync(folder, { recursive: true })
  }
})
