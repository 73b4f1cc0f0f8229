/** Models whose inputs leave sizes free, so that data of any shape gets as far as being read and run. */
import fs from 'node:fs'
import path from 'node:path'
import { Model, Tensor, writeModel, type Dim, type DType } from '../../src/engine/onnx'
import { seeded } from '../../src/engine/math/random'

function modelOf(input: [dims: Dim[], dtype: DType], outputs: Dim[]): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  model.graph.inputs = [{ name: 'x', dtype: input[1], dims: input[0] }]
  model.graph.outputs = [{ name: 'y', dtype: 'float32', dims: outputs }]
  return model
}

const weights = (dims: [number, number]): Tensor => {
  const random = seeded(1)
  return Tensor.float32(
    dims,
    Array.from({ length: dims[0] * dims[1] }, () => random.next() - 0.5),
  )
}

/** One layer, small enough that everything about it takes no time. */
export function tinyModel(): Model {
  const model = modelOf([['batch', 64], 'float32'], ['batch', 32])
  model.graph.initializers.set('w', weights([64, 32]))
  model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'], name: 'mm' })
  model.graph.addNode({ opType: 'Relu', inputs: ['h'], outputs: ['y'], name: 'relu' })
  return model
}

/** A table of samples with classes for `tinyModel`, enough to learn from. Gives its path. */
export function tinyData(folder: string): string {
  const random = seeded(2)
  const file = path.join(folder, 'data.csv')
  const names = [...Array.from({ length: 64 }, (_, i) => `x${i}`), 'label']
  const lines = Array.from({ length: 40 }, (_, row) => [
    ...Array.from({ length: 64 }, () => random.next().toFixed(3)),
    String(row % 4),
  ])
  fs.writeFileSync(file, [names, ...lines].map((cells) => cells.join(',')).join('\n'))
  return file
}

const rows = (): Model => {
  const model = modelOf([['batch', 'length'], 'float32'], ['batch', 4])
  const axes = { axes: { ints: [1] } }
  model.graph.addNode({ opType: 'ReduceMean', inputs: ['x'], outputs: ['m'], attributes: axes })
  const across = { axis: { int: 1 } }
  model.graph.addNode({ opType: 'Concat', inputs: ['m', 'm', 'm', 'm'], outputs: ['y'], attributes: across })
  return model
}

const pictures = (): Model => {
  const model = modelOf([['batch', 3, 'height', 'width'], 'float32'], ['batch', 3])
  const axes = { axes: { ints: [2, 3] }, keepdims: { int: 0 } }
  model.graph.addNode({ opType: 'ReduceMean', inputs: ['x'], outputs: ['y'], attributes: axes })
  return model
}

const texts = (): Model => {
  const model = modelOf([['batch', 'sequence'], 'int64'], ['batch', 2])
  model.graph.initializers.set('table', weights([64, 2]))
  model.graph.addNode({ opType: 'Gather', inputs: ['table', 'x'], outputs: ['rows'] })
  const axes = { axes: { ints: [1] }, keepdims: { int: 0 } }
  model.graph.addNode({ opType: 'ReduceMean', inputs: ['rows'], outputs: ['y'], attributes: axes })
  return model
}

/** Writes them into a folder; gives their paths. */
export function freeModels(folder: string): { rows: string; pictures: string; texts: string } {
  const write = (name: string, model: Model): string => {
    const file = path.join(folder, `${name}.onnx`)
    writeModel(model, file)
    return file
  }
  return {
    rows: write('rows', rows()),
    pictures: write('pictures', pictures()),
    texts: write('texts', texts()),
  }
}
