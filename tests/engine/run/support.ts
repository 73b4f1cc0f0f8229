/** A small model, data for it, and a folder to run in. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { SPLITS } from '../../../src/contract/dataset'
import { openRandom } from '../../../src/engine/data/random'
import type { Dataset } from '../../../src/engine/data/dataset'
import { Model, Tensor, writeModel } from '../../../src/engine/onnx'

export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-run-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** y = relu(x · W) with x [batch, 4] and W [4, 3]. */
export function tinyModel(): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 4] }]
  model.graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['batch', 3] }]
  const weights = Array.from({ length: 12 }, (_, i) => Math.sin(i + 1))
  model.graph.initializers.set('w', Tensor.float32([4, 3], weights))
  model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'], name: 'mm' })
  model.graph.addNode({ opType: 'Relu', inputs: ['h'], outputs: ['y'], name: 'relu' })
  return model
}

/** `W` scaled by a factor: what the test's passes do. */
export function scaled(model: Model, factor: number): Model {
  const copy = model.clone()
  const values = Array.from(copy.graph.initializers.get('w')!.values() as Float32Array, (v) => v * factor)
  copy.graph.initializers.set('w', Tensor.float32([4, 3], values))
  return copy
}

export interface Place {
  folder: string
  original: string
  data: Dataset
}

export async function place(): Promise<Place> {
  const folder = temporaryFolder()
  const original = path.join(folder, 'tiny.onnx')
  writeModel(tinyModel(), original)
  return { folder: path.join(folder, 'run'), original, data: await openRandom(tinyModel(), 0, 256, SPLITS) }
}
