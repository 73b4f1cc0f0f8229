/** Token-level loss: a small decoder, its padding, and what the definition and finite differences say. */
import { describe, expect, test } from 'vitest'
import type { Batch, Dataset } from '../../../src/engine/data/dataset'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { seeded } from '../../../src/engine/math/random'
import { Model, Tensor } from '../../../src/engine/onnx'
import { distill } from '../../../src/engine/passes/distill'
import { fineTune } from '../../../src/engine/passes/fine-tune'
import { float32, int64, withOutputs, withSession, type Value } from '../../../src/engine/runtime'
import type { LossSpec } from '../../../src/engine/training/losses'
import { countedRows, StepRunner } from '../../../src/engine/training/step'
import { Parameters, trainableWeights } from '../../../src/engine/training/trainable'
import { arrayDataset } from '../evaluate/support'
import { contextOf } from './support'

const [TOKENS, LENGTH, WIDTH] = [7, 6, 8]

/** Token ids [N, T] → embedding → causal attention of one head → logits [N, T, V]. */
function decoder(seed = 3): Model {
  const random = seeded(seed)
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'ids', dtype: 'int64', dims: ['batch', LENGTH] }]
  graph.outputs = [{ name: 'logits', dtype: 'float32', dims: ['batch', LENGTH, TOKENS] }]
  const weight = (name: string, ...dims: number[]): string => {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: size }, () => 0.4 * random.normal())
    return graph.addInitializer(name, Tensor.float32(dims, values))
  }
  const op = (opType: string, inputs: string[], output: string, attributes = {}): string => {
    graph.addNode({ opType, inputs, outputs: [output], attributes })
    return output
  }
  const later = Float32Array.from({ length: LENGTH * LENGTH }, (_, i) =>
    i % LENGTH > Math.floor(i / LENGTH) ? -1e9 : 0,
  )
  const mask = graph.addInitializer('mask', Tensor.float32([LENGTH, LENGTH], later))
  const words = op('Gather', [weight('embedding', TOKENS, WIDTH), 'ids'], 'words')
  const x = op('Add', [words, weight('places', 1, LENGTH, WIDTH)], 'x')
  const [q, k, v] = ['q', 'k', 'v'].map((name) =>
    op('MatMul', [x, weight(`w_${name}`, WIDTH, WIDTH)], name),
  ) as [string, string, string]
  const keys = op('Transpose', [k], 'keys', { perm: { ints: [0, 2, 1] } })
  const scores = op('Add', [op('MatMul', [q, keys], 'products'), mask], 'scores')
  const attention = op('Softmax', [scores], 'attention', { axis: { int: -1 } })
  const seen = op('Add', [op('MatMul', [attention, v], 'read'), x], 'seen')
  op('MatMul', [seen, weight('head', WIDTH, TOKENS)], 'logits')
  return model
}

/** Every token is told by the one before: t → 3t + 1. The end of most rows is padding. */
function texts(count: number): Dataset {
  const ids: number[] = []
  const labels: number[] = []
  for (let row = 0; row < count; row++) {
    const length = LENGTH - (row % 3)
    let token = (row * 5) % TOKENS
    for (let t = 0; t < LENGTH; t++) {
      const next = (3 * token + 1) % TOKENS
      ids.push(t < length ? token : 0)
      labels.push(t < length ? next : -100)
      token = next
    }
  }
  return arrayDataset({
    task: 'language-model',
    inputs: { ids: int64([count, LENGTH], ids) },
    labels: int64([count, LENGTH], labels),
  })
}

async function oneBatch(data: Dataset, size: number): Promise<Batch> {
  for await (const batch of data.splits.training.batches(size)) return batch
  throw new Error('no samples')
}

const spec: LossSpec = { kind: 'cross-entropy', value: 'logits', classAxis: 2, hard: true, soft: false }

/** Mean of −log p(label) over the tokens that count, in double precision from ONNX Runtime's logits. */
async function meanLoss(model: Model, { inputs, labels }: Batch): Promise<number> {
  const logits = await withSession(
    model,
    {},
    async (session) => (await session.run(inputs)).logits!.data as Float32Array,
  )
  let sum = 0
  let count = 0
  ;[...(labels!.data as BigInt64Array)].map(Number).forEach((label, row) => {
    if (label < 0) return
    const z = [...logits.slice(row * TOKENS, (row + 1) * TOKENS)]
    sum += Math.log(z.reduce((total, x) => total + Math.exp(x), 0)) - z[label]!
    count++
  })
  return sum / count
}

describe('language models', () => {
  const model = decoder()
  const data = texts(5)

  test('loss and gradients are those of the mean over real tokens', async () => {
    const batch = await oneBatch(data, 5)
    const parameters = Parameters.of(model, trainableWeights(model.graph))
    // The causal mask is a constant that is added, and must not learn.
    expect(parameters.names).not.toContain('mask')
    // Eight rows a run: three are filled up and count nothing.
    const runner = new StepRunner({ model, spec, trainable: parameters.names, micro: 8 })
    const tokens = [6, 5, 4, 6, 5].reduce((a, b) => a + b)
    expect(countedRows(spec, { batch })).toBe(tokens)
    const gradients = new Float32Array(parameters.values.length)
    const settings = { alpha: 0, temperature: 1 }
    const loss = await runner.gradients({ batch }, 1 / tokens, parameters, gradients, settings)
    await runner.release()
    expect(loss).toBeCloseTo(await meanLoss(model, batch), 5)

    const step = 1e-2
    const shifted = async (name: string, at: number, by: number): Promise<number> => {
      const changed = model.clone()
      const tensor = model.graph.initializers.get(name)!
      const values = tensor.floats().slice()
      values[at]! += by
      changed.graph.initializers.set(name, Tensor.float32(tensor.dims, values))
      return meanLoss(changed, batch)
    }
    for (const [i, name] of parameters.names.entries())
      for (const at of [0, Math.floor(parameters.sizes[i]! / 2), parameters.sizes[i]! - 1]) {
        const slope = ((await shifted(name, at, step)) - (await shifted(name, at, -step))) / (2 * step)
        expect(gradients[parameters.offsets[i]! + at]!, `${name}[${at}]`).toBeCloseTo(slope, 3)
      }
  })

  test('what stands in the padding teaches nothing', async () => {
    const batch = await oneBatch(data, 5)
    const parameters = Parameters.of(model, trainableWeights(model.graph))
    const gradientsFor = async (padding: bigint): Promise<Float32Array> => {
      const labels = (batch.labels!.data as BigInt64Array).slice()
      // Padding stands at the end of a row, where causal attention lets nothing before it look.
      const ids = (batch.inputs.ids!.data as BigInt64Array).map((id, i) =>
        labels[i] === -100n ? padding : id,
      )
      const runner = new StepRunner({ model, spec, trainable: parameters.names, micro: 5 })
      const gradients = new Float32Array(parameters.values.length)
      const shown = { ...batch, inputs: { ids: int64([5, LENGTH], ids) } }
      await runner.gradients({ batch: shown }, 1, parameters, gradients, { alpha: 0, temperature: 1 })
      await runner.release()
      return gradients
    }
    const [zeros, sixes] = [await gradientsFor(0n), await gradientsFor(6n)]
    const most = zeros.reduce((m, g) => Math.max(m, Math.abs(g)), 0)
    expect(most).toBeGreaterThan(0.1)
    zeros.forEach((g, i) => expect(Math.abs(g - sixes[i]!)).toBeLessThan(1e-5 * most))
  })

  test.each(['labels', 'a mask', 'neither'] as const)(
    'a teacher alone is learned from as the mean over real tokens, told by %s',
    async (told) => {
      const masked = model.clone()
      masked.graph.inputs.push({ name: 'attention_mask', dtype: 'int64', dims: ['batch', LENGTH] })
      const batch = await oneBatch(data, 5)
      const kept = [...(batch.labels!.data as BigInt64Array)].map((label) => Number(label >= 0n))
      const ones = kept.map(() => 1)
      const shown: Batch = {
        ...batch,
        inputs: { ...batch.inputs, attention_mask: int64([5, LENGTH], told === 'a mask' ? kept : ones) },
      }
      if (told !== 'labels') delete shown.labels
      const random = seeded(5)
      const draw = (width: number) =>
        float32(
          [5, LENGTH, width],
          Float32Array.from({ length: 5 * LENGTH * width }, () => random.normal()),
        )
      const [teacher, feature] = [draw(TOKENS), draw(WIDTH)]
      const learned: LossSpec = {
        ...spec,
        hard: false,
        soft: true,
        features: [{ value: 'seen', weight: 0.5 }],
      }
      const values = await withSession(withOutputs(masked, ['logits', 'seen']), {}, (session) =>
        session.run(shown.inputs),
      )
      // T²·KL(teacher ‖ student) and half of the mean square difference inside, in double precision.
      const T = 2
      const row = (value: Value, i: number, width: number) =>
        [...(value.data as Float32Array)].slice(i * width, (i + 1) * width)
      const logSoftmax = (z: number[]): number[] => {
        const total = Math.log(z.reduce((sum, x) => sum + Math.exp(x / T), 0))
        return z.map((x) => x / T - total)
      }
      const counted = told === 'neither' ? ones : kept
      let expected = 0
      counted.forEach((counts, i) => {
        if (!counts) return
        const [p, q] = [teacher, values.logits!].map((value) => logSoftmax(row(value, i, TOKENS)))
        expected += T * T * p!.reduce((sum, logP, c) => sum + Math.exp(logP) * (logP - q![c]!), 0)
        const [a, b] = [feature, values.seen!].map((value) => row(value, i, WIDTH))
        expected += (0.5 * a!.reduce((sum, x, c) => sum + (x - b![c]!) ** 2, 0)) / WIDTH
      })
      const count = counted.reduce((a, b) => a + b)
      const example = { batch: shown, teacher: [teacher, feature] }
      expect(countedRows(learned, example)).toBe(count)
      const parameters = Parameters.of(model, trainableWeights(model.graph))
      const runner = new StepRunner({ model: masked, spec: learned, trainable: parameters.names, micro: 8 })
      const gradients = new Float32Array(parameters.values.length)
      const loss = await runner.gradients(example, 1 / count, parameters, gradients, {
        alpha: 1,
        temperature: T,
      })
      await runner.release()
      expect(loss).toBeCloseTo(expected / count, 4)
    },
  )

  test('fine-tune learns the next token, and distill hands it on to another decoder', async () => {
    const all = texts(60)
    const settings = { epochs: 25, learningRate: 0.02, batchSize: 12, heldOut: 0.25, patience: 25 }
    const { model: taught, summary } = await fineTune.run(model, settings, contextOf(model, all))
    expect(summary).toContain('Fine-tuned')
    const { model: second } = await distill.run(
      decoder(9),
      { ...settings, teacherShare: 1 },
      contextOf(taught, all),
    )
    const { original, candidates } = await measureQuality(model, [taught, second], { dataset: all })
    // Perplexity: 7 is guessing, 1 is certain.
    expect(original.quality.value).toBeGreaterThan(6)
    expect(candidates[0]!.quality.value).toBeLessThan(1.2)
    expect(candidates[1]!.quality.value).toBeLessThan(1.3)
  })
})
