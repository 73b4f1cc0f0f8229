/** A model of many nodes and data of many samples, small enough to be made and run within seconds. */
import fs from 'node:fs'
import path from 'node:path'
import { Graph, Model, Tensor, writeModel } from '../../src/engine/onnx'
import { npy, npz } from '../../tests/engine/data/files'

export const NODES = 2000
export const SAMPLES = 20_000
const WIDTH = 4
const BLOCK = 5

const floats = (dims: readonly number[], values: readonly number[]): Tensor =>
  Tensor.fromBytes('float32', dims, new Uint8Array(Float32Array.from(values).buffer))

/** Blocks of five nodes, each of which gives back what it gets where that is positive. */
function deep(): Model {
  const model = new Model()
  const graph = (model.graph = new Graph())
  model.importOpset('', 17)
  graph.inputs = [{ name: 'features', dims: ['N', WIDTH], dtype: 'float32' }]
  graph.outputs = [{ name: 'scores', dims: ['N', WIDTH], dtype: 'float32' }]
  const identity = Array.from({ length: WIDTH ** 2 }, (_, at) => (at % (WIDTH + 1) ? 0 : 1))
  let value = 'features'
  for (let block = 0; block < NODES / BLOCK; block++) {
    const weight = graph.addInitializer(`block${block}.weight`, floats([WIDTH, WIDTH], identity))
    const shift = graph.addInitializer(`block${block}.shift`, floats([WIDTH], [0, 0, 0, 0]))
    const steps = [['MatMul', weight], ['Add', shift], ['Relu'], ['Sub', shift], ['Identity']] as const
    for (const [at, [opType, ...others]] of steps.entries()) {
      const last = block === NODES / BLOCK - 1 && at === BLOCK - 1
      const output = last ? 'scores' : `/block${block}/${opType}_${at}_output`
      graph.addNode({
        name: `/block${block}/${opType}_${at}`,
        opType,
        inputs: [value, ...others],
        outputs: [output],
      })
      value = output
    }
  }
  return model
}

/** Samples whose largest feature is their class; those from another `first` on are others. */
function rows(first: number, count: number): Record<string, Uint8Array> {
  const features = Float32Array.from({ length: count * WIDTH }, (_, at) => {
    const [row, column] = [Math.floor(at / WIDTH), at % WIDTH]
    return column === row % WIDTH ? 2 : Math.abs(Math.sin(first * WIDTH + at))
  })
  const labels = BigInt64Array.from({ length: count }, (_, row) => BigInt(row % WIDTH))
  return { features: npy('<f4', [count, WIDTH], features), labels: npy('<i8', [count], labels) }
}

/** What a person would drop: the model, then its data with as many validation samples as asked. */
export function writeLarge(folder: string): string[] {
  const model = path.join(folder, 'deep.onnx')
  writeModel(deep(), model)
  const data = path.join(folder, 'rows')
  fs.mkdirSync(data)
  let first = 0
  for (const [split, count] of Object.entries({ calibration: 64, training: 64, validation: SAMPLES })) {
    fs.writeFileSync(path.join(data, `${split}.npz`), npz(rows(first, count)))
    first += count
  }
  return [model, data]
}
