import { describe, expect, test } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { encodeModel, Tensor, writeModel, type Model } from '../../../src/engine/onnx'
import { adaround } from '../../../src/engine/passes/adaround'
import { distill } from '../../../src/engine/passes/distill'
import { fineTune } from '../../../src/engine/passes/fine-tune'
import { trainLowBit } from '../../../src/engine/passes/learned-rounding/low-bit-training'
import type { Pass } from '../../../src/engine/passes/pass'
import { pruneGradually } from '../../../src/engine/passes/prune-gradually'
import { quantizeAware } from '../../../src/engine/passes/quantize-aware'
import { quantizeStatic } from '../../../src/engine/passes/quantize-static'
import { quantizeWeights } from '../../../src/engine/passes/quantize-weights'
import { trainedCodebook } from '../../../src/engine/passes/trained-codebook'
import { learn } from '../../../src/engine/training/learn'
import { contextOf, perceptron, points, scratch, settingsOf, teachingOf } from '../training/support'

const FAST = { learningRate: 0.02, batchSize: 16, heldOut: 0.25, epochs: 6 }

/** A network that has learned its task; wide enough to lose something. */
async function taught(hidden = 32): Promise<Model> {
  const model = perceptron(6, hidden)
  const { model: trained } = await learn(model, contextOf(model, points()), {
    by: 'test',
    labels: true,
    settings: settingsOf({ epochs: 15 }),
  })
  return trained
}
const original = await taught()

async function run(pass: Pass, params: Record<string, unknown>, model = original, reference = original) {
  const curve: number[] = []
  const context = {
    ...contextOf(reference, points()),
    point: ({ epoch }: { epoch: number }) => curve.push(epoch),
  }
  const result = await pass.run(model, params, context)
  const measured = await measureQuality(reference, [result.model], { dataset: points() })
  return {
    ...result,
    epochs: curve,
    quality: measured.candidates[0]!.quality.value,
    agreement: measured.candidates[0]!.fidelity!.agreement!,
    sqnr: measured.candidates[0]!.fidelity!.sqnr,
  }
}

/** Every weight moved by noise. */
function damaged(): Model {
  const model = original.clone()
  const { dims } = model.graph.initializers.get('w2')!
  model.graph.initializers.set(
    'w2',
    Tensor.float32(
      dims,
      original.graph.initializers
        .get('w2')!
        .floats()
        .map((w, i) => (i % 2 ? w : 0.1)),
    ),
  )
  return model
}

describe('passes that learn', () => {
  test('fine-tune recovers a damaged model and draws its curve', async () => {
    const { quality, epochs, curve, summary } = await run(fineTune, FAST, damaged())
    expect(quality).toBeGreaterThan(0.9)
    expect(epochs).toEqual(curve!.map(({ epoch }) => epoch))
    expect(summary).toContain('Fine-tuned')
  })

  test('distill brings a damaged model back to the original', async () => {
    const { agreement } = await run(distill, { ...FAST, features: 1 }, damaged())
    expect(agreement).toBeGreaterThan(0.93)
  })

  test('distill trains a second file instead, and leaves it as it is', async () => {
    const file = `${scratch()}/small.onnx`
    writeModel(perceptron(8, 6), file)
    const { model, agreement } = await run(distill, { ...FAST, epochs: 20, student: file })
    expect(model.graph.initializers.get('w1')!.dims).toEqual([4, 6])
    expect(agreement).toBeGreaterThan(0.9)
    expect(() => distill.check(original, { student: 'model.txt' })).toThrow(PareError)
  })

  test('distill takes residual blocks out first', async () => {
    const deep = original.clone()
    const { graph } = deep
    graph.initializers.set(
      'r',
      Tensor.float32(
        [32, 32],
        Float32Array.from({ length: 1024 }, (_, i) => 1e-4 * (i % 7)),
      ),
    )
    graph.nodes = graph.nodes.filter((node) => !node.outputs.includes('logits'))
    graph.addNode({ opType: 'MatMul', inputs: ['a', 'r'], outputs: ['branch'] })
    graph.addNode({ opType: 'Add', inputs: ['a', 'branch'], outputs: ['sum'] })
    graph.addNode({ opType: 'MatMul', inputs: ['sum', 'r'], outputs: ['branch2'] })
    graph.addNode({ opType: 'Add', inputs: ['sum', 'branch2'], outputs: ['sum2'] })
    graph.addNode({ opType: 'Gemm', inputs: ['sum2', 'w2', 'b2'], outputs: ['logits'] })
    const { model, skipped, agreement } = await run(distill, { ...FAST, epochs: 1, depthCut: 0.5 }, deep)
    expect(skipped).toHaveLength(1)
    expect(model.graph.nodes.filter((node) => node.is('MatMul'))).toHaveLength(1)
    expect(agreement).toBeGreaterThan(0.93)
  })

  test('prune-gradually reaches its share of zeros, lists its masks, and later training keeps them', async () => {
    const { model, quality } = await run(pruneGradually, { ...FAST, epochs: 10, sparsity: 0.7 })
    const zeros = (m: Model): number =>
      ['w1', 'w2'].reduce(
        (n, name) =>
          n +
          m.graph.initializers
            .get(name)!
            .floats()
            .filter((w) => w === 0).length,
        0,
      )
    expect(zeros(model) / (32 * 7)).toBeCloseTo(0.7, 1)
    expect(JSON.parse(model.metadata.get('pare.masks')!)).toEqual(['w1', 'w2'])
    expect(quality).toBeGreaterThan(0.85)
    const { model: later } = await run(fineTune, FAST, model)
    expect(zeros(later)).toBe(zeros(model))
  })

  test('trained-codebook leaves a few values, zero among them, and trains those', async () => {
    const { model, quality } = await run(trainedCodebook, { ...FAST, bits: 2 })
    const w1 = model.graph.initializers.get('w1')!.floats()
    expect(new Set(w1).size).toBeLessThanOrEqual(4)
    expect(quality).toBeGreaterThan(0.85)
  })

  test('too many values for the model to gain: said, not done', async () => {
    const empty = original.clone()
    empty.graph.nodes = []
    empty.graph.addNode({ opType: 'Softmax', inputs: ['x'], outputs: ['logits'] })
    empty.graph.prune()
    await expect(run(trainedCodebook, FAST, empty)).rejects.toMatchObject({ code: 'model/nothing-to-do' })
  })
})

describe('quantization that learns', () => {
  const low = { ...FAST, leastWeights: 32, block: 0 }

  test('one bit: training beats rounding by far', async () => {
    // Wide enough for codes to take fewer bytes than floats, what goes around them included.
    const wide = await taught(256)
    const how = { bits: 1, method: 'binary', block: 0, leastWeights: 32, maxLoss: 100 }
    const rounded = await run(quantizeWeights, how, wide, wide)
    const trained = await run(quantizeAware, { ...low, bits: 1, epochs: 15 }, wide, wide)
    expect(trained.sqnr).toBeGreaterThan(rounded.sqnr + 1)
    expect(trained.model.graph.initializers.has('w1')).toBe(false)
    expect(encodeModel(trained.model).length).toBeLessThan(1.2 * encodeModel(rounded.model).length)
  })

  test('the packed model computes what was trained', async () => {
    const settings = settingsOf({ epochs: 5 })
    const teacher = teachingOf({ teacherShare: 1 })
    const options = {
      by: 'test',
      bits: 3,
      block: 0,
      symmetric: false,
      leastWeights: 32,
      exclude: [],
      settings,
      teacher,
      features: 0,
      labels: true,
    }
    for (const learns of ['steps', 'rounding'] as const) {
      const { model, learned } = await trainLowBit(original, original, contextOf(original, points()), {
        ...options,
        learns,
      })
      const { candidates } = await measureQuality(learned.model, [model], { dataset: points() })
      // Scales rounded to half precision make the difference; rounding not quite settled does for the other.
      expect(candidates[0]!.fidelity!.sqnr).toBeGreaterThan(learns === 'steps' ? 35 : 12)
    }
  })

  test('a model already in integers keeps its form, and its integers learn', async () => {
    const { model: quantized } = await run(quantizeStatic, {}, damaged())
    const { model, summary } = await run(quantizeAware, FAST, quantized)
    expect(summary).toContain('trained in place')
    expect(model.graph.nodes.map((node) => node.opType)).toEqual(
      quantized.graph.nodes.map((node) => node.opType),
    )
    const changed = [...model.graph.initializers].filter(
      ([name, tensor]) => tensor.contentKey() !== quantized.graph.initializers.get(name)!.contentKey(),
    )
    expect(changed.some(([, tensor]) => tensor.dtype === 'int8')).toBe(true)
  })

  test('learned rounding moves no weight by more than a step', async () => {
    const { model, agreement, layers } = await run(adaround, { ...low, bits: 3 })
    expect(agreement).toBeGreaterThan(0.85)
    expect(layers!.every(({ weightSqnr }) => weightSqnr! > 5)).toBe(true)
    expect(model.graph.initializers.has('w1')).toBe(false)
  })
})
