/** Pruning and factorization of a generated network, each in a process of its own. */
import type { Batch, Dataset, Split } from '../../src/engine/data/dataset'
import { Model, Tensor } from '../../src/engine/onnx'
import { lowRankPass } from '../../src/engine/passes/low-rank'
import type { PassContext, PassResult } from '../../src/engine/passes/pass'
import { pruneChannels } from '../../src/engine/passes/prune-channels'
import { pruneWeights } from '../../src/engine/passes/prune-weights'
import { floatsOf, randomFeeds, withSession } from '../../src/engine/runtime'
import { seeded } from '../../src/engine/math/random'
import { answer } from './child'
import { findTarget } from '../../src/engine/targets'

/** Residual stages of 32, 64 and 128 channels on 32 × 32 images and a dense layer: about 900,000 weights. */
function network(): Model {
  const model = new Model()
  model.irVersion = 8
  model.opsets.set('', 18)
  const { graph } = model
  const random = seeded(1)
  const weight = (name: string, dims: number[]): string => {
    const size = dims.reduce((a, b) => a * b, 1)
    const spread = Math.sqrt((2 * dims[0]!) / size)
    graph.initializers.set(
      name,
      Tensor.float32(
        dims,
        Float32Array.from({ length: size }, () => random.normal() * spread),
      ),
    )
    return name
  }
  const add = (opType: string, inputs: string[], attributes = {}): string => {
    const output = graph.freshName(opType)
    graph.addNode({ opType, inputs, outputs: [output], attributes })
    return output
  }
  const conv = (x: string, from: number, to: number, k: number, stride = 1): string =>
    add('Conv', [x, weight(graph.freshName('w'), [to, from, k, k]), weight(graph.freshName('b'), [to])], {
      kernel_shape: { ints: [k, k] },
      pads: { ints: new Array<number>(4).fill(k >> 1) },
      strides: { ints: [stride, stride] },
    })
  graph.inputs = [{ name: 'image', dtype: 'float32', dims: ['batch', 3, 32, 32] }]
  let x = add('Relu', [conv('image', 3, 32, 3)])
  for (const [from, to] of [
    [32, 32],
    [32, 64],
    [64, 128],
  ] as const) {
    const stride = from === to ? 1 : 2
    const inner = add('Relu', [conv(x, from, to, 3, stride)])
    x = add('Relu', [add('Add', [conv(inner, to, to, 3), conv(x, from, to, 1, stride)])])
  }
  const pooled = add('Flatten', [
    add('AveragePool', [x], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }),
  ])
  const hidden = add('Relu', [add('Gemm', [pooled, weight('dense', [256, 2048])], { transB: { int: 1 } })])
  graph.addNode({
    opType: 'Gemm',
    inputs: [hidden, weight('classes', [10, 256])],
    outputs: ['logits'],
    attributes: { transB: { int: 1 } },
  })
  graph.outputs = [{ name: 'logits', dtype: 'float32', dims: ['batch', 10] }]
  return model
}

function contextFor(model: Model, samples: number): PassContext {
  const split = {
    name: 'calibration',
    length: samples,
    async *batches(size: number, { limit = samples }: { limit?: number } = {}): AsyncIterable<Batch> {
      for (let from = 0; from < Math.min(limit, samples); from += size) {
        const rows = Math.min(size, Math.min(limit, samples) - from)
        yield {
          indices: Array.from({ length: rows }, (_, i) => from + i),
          inputs: randomFeeds(model, { batch: rows, seed: from }),
        }
      }
    },
  } as unknown as Split
  const data = { task: 'unlabelled', splits: { calibration: split } } as unknown as Dataset
  return {
    original: model,
    data,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(1),
    scratch: '',
    providers: ['cpu'],
    target: findTarget('any'),
  }
}

/** Error energy of the outputs over their energy, on inputs the pass did not see. */
async function errorOf(before: Model, after: Model): Promise<number> {
  const feeds = randomFeeds(before, { batch: 64, seed: 99_999 })
  const run = (model: Model): Promise<Float32Array> =>
    withSession(model, {}, async (session) => floatsOf((await session.run(feeds)).logits!))
  const [a, b] = [await run(before), await run(after)]
  return (
    a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.reduce((sum, value) => sum + value ** 2, 0)
  )
}

async function measured(
  run: (model: Model, context: PassContext) => Promise<PassResult>,
  samples: number,
): Promise<number> {
  const model = network()
  return errorOf(model, (await run(model, contextFor(model, samples))).model)
}

await answer({
  channels: (samples) =>
    measured(
      (model, context) => pruneChannels.run(model, { samples: Number(samples) }, context),
      Number(samples),
    ),
  bareChannels: (samples) =>
    measured(
      (model, context) => pruneChannels.run(model, { reconstruct: false, samples: Number(samples) }, context),
      Number(samples),
    ),
  sparsegpt: (samples) =>
    measured(
      (model, context) =>
        pruneWeights.run(model, { sparsity: 0.5, method: 'sparsegpt', samples: Number(samples) }, context),
      Number(samples),
    ),
  lowRank: (samples) =>
    measured(
      (model, context) => lowRankPass.run(model, { samples: Number(samples) }, context),
      Number(samples),
    ),
  plainLowRank: (samples) =>
    measured(
      (model, context) =>
        lowRankPass.run(model, { whiten: false, refit: false, samples: Number(samples) }, context),
      Number(samples),
    ),
  nothing: () => 0,
})
