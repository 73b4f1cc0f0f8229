/** Quantization of one model, each task in a process of its own. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Dataset } from '../../src/engine/data/dataset'
import { openDataset } from '../../src/engine/data/open'
import { seeded } from '../../src/engine/math/random'
import { encodedLength, Model, readModel, Tensor } from '../../src/engine/onnx'
import type { Pass, PassContext } from '../../src/engine/passes/pass'
import { quantizeStatic } from '../../src/engine/passes/quantize-static'
import { quantizeWeights } from '../../src/engine/passes/quantize-weights'
import { float32 } from '../../src/engine/runtime'
import { answer } from './child'
import { findTarget } from '../../src/engine/targets'

function contextOf(model: Model, data: Dataset): PassContext {
  return {
    original: model,
    data,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(0),
    scratch: fs.mkdtempSync(path.join(os.tmpdir(), 'pare-bench-')),
    providers: ['cpu'],
    target: findTarget('any'),
  }
}

async function quantize(pass: Pass, params: object, model: Model, data: Dataset): Promise<number> {
  const context = contextOf(model, data)
  try {
    return encodedLength((await pass.run(model, params, context)).model)
  } finally {
    fs.rmSync(context.scratch, { recursive: true, force: true })
    await data.close()
  }
}

const read = async (pass: Pass, params: object, file: string, data: string): Promise<number> => {
  const model = readModel(file)
  return quantize(pass, params, model, await openDataset(data, model))
}

const SIDE = 32

/** Three convolutions on 32 × 32 images: activations of 200 KB a sample. */
function convolutional(): Model {
  const random = seeded(1)
  const model = new Model()
  model.irVersion = 8
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 3, SIDE, SIDE] }]
  let value = 'x'
  for (const [layer, [from, to]] of [
    [3, 24],
    [24, 24],
    [24, 8],
  ].entries()) {
    const dims = [to!, from!, 3, 3]
    const weights = Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => random.normal() / 10)
    graph.initializers.set(`w${layer}`, Tensor.float32(dims, weights))
    const pads = { pads: { ints: [1, 1, 1, 1] } }
    graph.addNode({ opType: 'Conv', inputs: [value, `w${layer}`], outputs: [`c${layer}`], attributes: pads })
    graph.addNode({ opType: 'Relu', inputs: [`c${layer}`], outputs: [`r${layer}`] })
    value = `r${layer}`
  }
  graph.outputs = [{ name: value, dtype: 'float32', dims: ['batch', 8, SIDE, SIDE] }]
  return model
}

/** Samples made as they are asked for: only what the pass itself keeps is in memory. */
function endless(samples: number): Dataset {
  const random = seeded(2)
  const size = 3 * SIDE * SIDE
  const split = {
    length: samples,
    async *batches(batch: number, { limit = samples }: { limit?: number } = {}) {
      for (let from = 0; from < Math.min(limit, samples); from += batch) {
        const count = Math.min(batch, Math.min(limit, samples) - from)
        const data = Float32Array.from({ length: count * size }, () => random.next())
        yield { indices: [], inputs: { x: float32([count, 3, SIDE, SIDE], data) } }
      }
    },
  }
  const splits = { calibration: split, training: split, validation: split }
  return { task: 'regression', splits, close: async () => undefined } as unknown as Dataset
}

const RANGES = { calibration: 'min-max', maxLoss: 100 }

await answer({
  'static int8, min-max': (file, data) => read(quantizeStatic, RANGES, file!, data!),
  'static int8, best ranges and limit': (file, data) => read(quantizeStatic, {}, file!, data!),
  'GPTQ, 4 bits': (file, data) => read(quantizeWeights, {}, file!, data!),
  calibrate: (samples) =>
    quantize(
      quantizeStatic,
      { ...RANGES, samples: Number(samples) },
      convolutional(),
      endless(Number(samples)),
    ),
})
