import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { availableProbe, forkProbe, probeHere } from '../../../src/engine/evaluate/memory'
import { Graph, Model, Tensor, writeModel } from '../../../src/engine/onnx'
import { floats } from './support'

const root = path.resolve(import.meta.dirname, '../../..')
// Inside the checkout, so that the built probe finds onnxruntime-node.
const built = path.join(root, 'node_modules', '.cache', `memory-probe-${process.pid}`)
let folder = ''

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

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-memory-'))
  await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: path.join(root, 'src/engine/memory-probe.ts'),
      outDir: built,
      rolldownOptions: { output: { entryFileNames: 'memory-probe.mjs' } },
    },
  })
})

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true })
  fs.rmSync(built, { recursive: true, force: true })
})

const feeds = { x: floats([1, 256], Array(256).fill(1)) }

describe('forkProbe', () => {
  it('sees the weights a model holds', async () => {
    const probe = forkProbe(path.join(built, 'memory-probe.mjs'))
    const small = await probe({ model: heavy(4), feeds })
    const large = await probe({ model: heavy(96), feeds })
    const megabytes = (large.peakBytes - small.peakBytes) / 2 ** 20
    // 92 MB more weights, up to twice that while they are packed for the kernel.
    expect(megabytes).toBeGreaterThan(80)
    expect(megabytes).toBeLessThan(320)
  })

  it('brings the error of a model that does not load', async () => {
    const file = path.join(folder, 'broken.onnx')
    fs.writeFileSync(file, 'no model')
    const probe = forkProbe(path.join(built, 'memory-probe.mjs'))
    await expect(probe({ model: file, feeds })).rejects.toMatchObject({
      data: { code: 'model/not-loadable', file },
    })
  })

  it('is killed when cancelled', async () => {
    const probe = forkProbe(path.join(built, 'memory-probe.mjs'))
    await expect(probe({ model: heavy(4), feeds }, AbortSignal.abort())).rejects.toMatchObject({
      data: { code: 'cancelled' },
    })
  })

  it('says when the process dies', async () => {
    const file = path.join(folder, 'dies.mjs')
    fs.writeFileSync(file, 'process.exit(3)')
    await expect(forkProbe(file)({ model: heavy(4), feeds })).rejects.toMatchObject({
      data: { code: 'engine/crashed', exit: '3' },
    })
  })
})

it('measures in this process where there is no entry to fork', async () => {
  expect(availableProbe(path.join(folder, 'absent.js'))).toBe(probeHere)
  expect((await probeHere({ model: heavy(48), feeds })).peakBytes).toBeGreaterThan(16 * 2 ** 20)
})
