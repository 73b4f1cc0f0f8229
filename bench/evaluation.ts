/** Evaluation against a bare loop over onnxruntime-node on the same batches: what measuring costs on top. */
import type { Batch, Dataset, Split } from '../src/engine/data/dataset'
import { measureQuality } from '../src/engine/evaluate/quality'
import { seeded } from '../src/engine/math/random'
import { encodeModel, Model, Tensor } from '../src/engine/onnx'
import { float32, int64 } from '../src/engine/runtime'
import { ort } from '../src/engine/runtime/ort'
import { median, seconds, type Entry, type Figure } from './support/figure'

const CLASSES = 10
/** As many at either batch size: opening the session once is then the same share of both. */
const SAMPLES = 2048
const ROUNDS = 10

const random = seeded(1)
const noise = (dims: number[]): Float32Array =>
  Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal() / 10)

/** Two convolutions and two dense layers on 28 × 28 images, as LeNet-5. */
function lenet(): Model {
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 1, 28, 28] }]
  graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['batch', CLASSES] }]
  const weight = (name: string, ...dims: number[]): string => {
    graph.initializers.set(name, Tensor.float32(dims, noise(dims)))
    return name
  }
  const pool = { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }
  graph.addNode({ opType: 'Conv', inputs: ['x', weight('c1', 20, 1, 5, 5)], outputs: ['a'] })
  graph.addNode({ opType: 'MaxPool', inputs: ['a'], outputs: ['b'], attributes: pool })
  graph.addNode({ opType: 'Conv', inputs: ['b', weight('c2', 50, 20, 5, 5)], outputs: ['c'] })
  graph.addNode({ opType: 'MaxPool', inputs: ['c'], outputs: ['d'], attributes: pool })
  graph.addNode({ opType: 'Flatten', inputs: ['d'], outputs: ['e'] })
  graph.addNode({ opType: 'Gemm', inputs: ['e', weight('d1', 800, 500)], outputs: ['f'] })
  graph.addNode({ opType: 'Relu', inputs: ['f'], outputs: ['g'] })
  graph.addNode({ opType: 'Gemm', inputs: ['g', weight('d2', 500, CLASSES)], outputs: ['y'] })
  return model
}

/** Batches that lie in memory, so that no decoding is measured on either side. */
function datasetOf(batches: readonly Batch[]): Dataset {
  const length = batches.reduce((sum, { indices }) => sum + indices.length, 0)
  const split = {
    name: 'validation',
    length,
    origin: 'given',
    async *batches() {
      yield* batches
    },
  } as unknown as Split
  return {
    kind: 'npz',
    task: 'classification',
    path: '(memory)',
    classes: Array.from({ length: CLASSES }, (_, i) => String(i)),
    splits: { validation: split, calibration: split, training: split },
  } as unknown as Dataset
}

async function bare(model: Uint8Array, batches: readonly Batch[]): Promise<void> {
  const session = await ort.InferenceSession.create(model)
  for (const { inputs } of batches) {
    const x = inputs.x!
    await session.run({ x: new ort.Tensor('float32', x.data as Float32Array, x.dims) })
  }
  await session.release()
}

export const entry: Entry = {
  about: 'evaluation throughput over a bare onnxruntime-node loop on the same batches',
  async run() {
    const model = lenet()
    const bytes = encodeModel(model)
    const figures: Figure[] = []
    for (const size of [1, 64]) {
      const batches = Array.from({ length: SAMPLES / size }, (_, i): Batch => ({
        indices: Array.from({ length: size }, (_, j) => i * size + j),
        inputs: { x: float32([size, 1, 28, 28], noise([size, 1, 28, 28])) },
        labels: int64(
          [size],
          Array.from({ length: size }, () => random.below(CLASSES)),
        ),
      }))
      const dataset = datasetOf(batches)
      const ratios: number[] = []
      const raw = (): Promise<number> => seconds(() => bare(bytes, batches))
      const ours = (): Promise<number> =>
        seconds(() => measureQuality(model, [], { dataset, batchSize: size }))
      for (let round = 0; round <= ROUNDS; round++) {
        // Who goes second finds colder caches, so they take turns.
        const first = round % 2 === 0 ? await raw() : await ours()
        const second = round % 2 === 0 ? await ours() : await raw()
        if (round > 0) ratios.push(round % 2 === 0 ? first / second : second / first)
      }
      figures.push({
        what: `throughput at batch ${size}`,
        value: median(ratios),
        unit: '×',
        wanted: { atLeast: 0.9 },
      })
    }
    return figures
  },
}
