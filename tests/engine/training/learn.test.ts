import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { AudioPreprocessing, type Task } from '../../../src/contract/dataset'
import type { Dataset } from '../../../src/engine/data/dataset'
import { float32 } from '../../../src/engine/runtime'
import { Tensor, type Model } from '../../../src/engine/onnx'
import { learn } from '../../../src/engine/training/learn'
import { contextOf, perceptron, points, settingsOf, teachingOf } from './support'

const weights = (model: Model): Buffer =>
  Buffer.concat([...model.graph.initializers.values()].map((tensor) => Buffer.from(tensor.bytes())))

const plain = (values: Record<string, unknown> = {}) => ({
  by: 'test',
  settings: settingsOf(values),
  labels: true,
})

async function code(work: Promise<unknown>): Promise<string> {
  const thrown: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(thrown).toBeInstanceOf(PareError)
  return (thrown as PareError).code
}

describe('learning', () => {
  test('cross entropy makes an untrained network good on samples it has not seen', async () => {
    const model = perceptron()
    const data = points()
    const { model: trained, result } = await learn(
      model,
      contextOf(model, data),
      plain({ epochs: 12, heldOut: 0.2 }),
    )
    const quality = await measureQuality(model, [trained], { dataset: data })
    expect(quality.original.quality.value).toBeLessThan(0.7)
    expect(quality.candidates[0]!.quality.value).toBeGreaterThan(0.9)
    expect(result.curve[0]!.epoch).toBe(0)
    expect(result.best!.loss).toBeLessThan(result.before!.loss)
  })

  test('one seed gives identical weights, another seed others', async () => {
    const model = perceptron()
    const run = async (seed: number): Promise<Buffer> =>
      weights(
        (await learn(model, contextOf(model, points(), seed), plain({ epochs: 3, learningRate: 0 }))).model,
      )
    const [first, second, other] = [await run(4), await run(4), await run(5)]
    expect(first.equals(second)).toBe(true)
    expect(first.equals(other)).toBe(false)
  })

  test('micro-batches add up to the batch', async () => {
    const model = perceptron()
    const run = async (microBatch: number): Promise<Float32Array> => {
      const settings = { epochs: 2, microBatch, optimizer: 'sgd', heldOut: 0, clip: 0 }
      const { result } = await learn(model, contextOf(model, points()), plain(settings))
      return result.parameters.values
    }
    const [whole, split] = [await run(16), await run(4)]
    const worst = whole.reduce((most, w, i) => Math.max(most, Math.abs(w - split[i]!)), 0)
    expect(worst).toBeLessThan(1e-5)
  })

  describe('with augmented samples', () => {
    // Four numbers a sample are a sound then: made louder or quieter.
    const sounds = (task: Task = 'classification'): Dataset => ({
      ...points({ task }),
      preprocessing: AudioPreprocessing.parse({ kind: 'audio', sampleRate: 8000, samples: 4 }),
    })
    const run = (augmentation: number, data = sounds(), more: object = {}) => {
      const model = perceptron()
      return learn(model, contextOf(model, data, 4), { ...plain({ epochs: 2, augmentation }), ...more })
    }

    test('one seed gives identical weights, others than samples as they are', async () => {
      const [first, second, none] = [await run(1), await run(1), await run(0)]
      expect(weights(first.model).equals(weights(second.model))).toBe(true)
      expect(weights(first.model).equals(weights(none.model))).toBe(false)
      expect(first.result.curve).toEqual(second.result.curve)
    })

    test('the held-out loss counts augmented copies, the quality samples as they are', async () => {
      const [augmented, none] = [await run(1), await run(0)]
      expect(augmented.result.before!.loss).not.toBe(none.result.before!.loss)
      expect(augmented.result.before!.loss).toBeCloseTo(none.result.before!.loss, 1)
      expect(augmented.result.before!.quality).toBe(none.result.before!.quality)
    })

    test('labels other than classes hold for samples as they are alone: nothing is augmented while they count', async () => {
      const data = sounds('regression')
      const split = data.splits.training
      const values = {
        ...split,
        async *batches(...given: Parameters<typeof split.batches>) {
          for await (const batch of split.batches(...given))
            yield {
              ...batch,
              labels: float32([batch.indices.length, 3], new Float32Array(batch.indices.length * 3)),
            }
        },
      }
      const numbers = { ...data, splits: { ...data.splits, training: values } }
      const same = async (teacherShare?: number): Promise<boolean> => {
        const teacher = teacherShare !== undefined && {
          teacher: { model: perceptron(7), settings: teachingOf({ teacherShare }) },
        }
        const [one, other] = [await run(1, numbers, teacher || {}), await run(0, numbers, teacher || {})]
        return weights(one.model).equals(weights(other.model))
      }
      expect(await same(), 'labels alone').toBe(true)
      expect(await same(0.5), 'labels and a teacher').toBe(true)
      expect(await same(1), 'the teacher alone').toBe(false)
    })
  })

  test('distillation without labels imitates the teacher', async () => {
    const teacherData = points()
    const untrained = perceptron()
    const { model: teacher } = await learn(
      untrained,
      contextOf(untrained, teacherData),
      plain({ epochs: 12 }),
    )
    const data = points({ labels: 'none', task: 'classification' })
    const student = perceptron(9, 6)
    const { model: trained, notes } = await learn(student, contextOf(teacher, data), {
      ...plain({ epochs: 20 }),
      teacher: { model: teacher, settings: teachingOf({ mixup: 0.3 }) },
    })
    expect(notes.join(' ')).toContain('no labels')
    const { candidates } = await measureQuality(teacher, [student, trained], { dataset: points() })
    expect(candidates[1]!.fidelity!.agreement!).toBeGreaterThan(0.9)
    expect(candidates[0]!.fidelity!.agreement!).toBeLessThan(0.8)
  })

  test('matching layers draws hidden values to the teacher', async () => {
    const teacher = perceptron(1)
    const student = perceptron(2)
    const run = async (features: number): Promise<number> => {
      const { model } = await learn(student, contextOf(teacher, points()), {
        ...plain({ epochs: 6 }),
        teacher: { model: teacher, settings: teachingOf({ teacherShare: 1 }), features },
      })
      const [a, b] = [teacher, model].map((m) => m.graph.initializers.get('w1')!.floats()) as [
        Float32Array,
        Float32Array,
      ]
      return a.reduce((sum, w, i) => sum + (w - b[i]!) ** 2, 0)
    }
    expect(await run(10)).toBeLessThan(0.9 * (await run(0)))
  })

  test('masked zeros and shared values stay what they are', async () => {
    const model = perceptron()
    const { initializers } = model.graph
    const thinned = initializers
      .get('w1')!
      .floats()
      .map((w, i) => (i % 3 === 0 ? 0 : w))
    initializers.set('w1', Tensor.float32([4, 16], thinned))
    const shared = Float32Array.from({ length: 48 }, (_, i) => [-0.4, 0, 0.3, 0.7][i % 4]!)
    initializers.set('w2', Tensor.float32([16, 3], shared))
    model.metadata.set('pare.masks', JSON.stringify(['w1']))
    const { model: trained } = await learn(model, contextOf(model, points()), plain({ epochs: 4 }))
    const after = trained.graph.initializers.get('w1')!.floats()
    expect(after.every((w, i) => (w === 0) === (i % 3 === 0))).toBe(true)
    const values = trained.graph.initializers.get('w2')!.floats()
    expect(new Set(values).size).toBe(4)
    expect(values.every((w, i) => w === values[i % 4]!)).toBe(true)
    expect(values[1]).toBe(0)
    expect(values[0]).not.toBeCloseTo(-0.4, 4)
  })
})

describe('ends of a training', () => {
  test('stop-now keeps the best so far and says so', async () => {
    const model = perceptron()
    const context = contextOf(model, points())
    let calls = 0
    context.progress = () => void calls++
    context.stopRequested = () => calls >= 12
    const { result, notes } = await learn(model, context, plain({ epochs: 50 }))
    expect(result.ending).toBe('asked')
    expect(result.epochs).toBeLessThan(5)
    expect(notes.join(' ')).toContain('Stopped on request')
  })

  test('a crash costs at most an epoch: the resumed run ends with the same weights', async () => {
    const model = perceptron()
    const whole = await learn(model, contextOf(model, points()), plain({ epochs: 6 }))
    const context = contextOf(model, points())
    let calls = 0
    context.progress = () => {
      if (++calls === 22) throw new PareError('cancelled', { during: 'test' })
    }
    expect(await code(learn(model, context, plain({ epochs: 6 })))).toBe('cancelled')
    const seen: number[] = []
    const resumed = await learn(
      model,
      { ...context, progress: () => undefined, point: ({ epoch }) => seen.push(epoch) },
      plain({ epochs: 6 }),
    )
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(weights(resumed.model).equals(weights(whole.model))).toBe(true)
  })

  test('cancelled in the middle of an epoch: the model given is as it was, and only whole epochs are kept', async () => {
    const model = perceptron()
    const before = weights(model)
    const context = contextOf(model, points())
    const doing: string[] = []
    context.progress = (_done, what = '') => {
      doing.push(what)
      // The third update of the second epoch, of five.
      if (doing.filter((said) => said.startsWith('epoch 2')).length === 3)
        throw new PareError('cancelled', { during: 'test' })
    }
    expect(await code(learn(model, context, plain({ epochs: 6 })))).toBe('cancelled')
    // What is left of all is told beside it, and once.
    expect(doing.filter((said) => said === 'epoch 1 of 6')).toHaveLength(5)
    expect(weights(model).equals(before)).toBe(true)
    const seen: number[] = []
    context.point = ({ epoch }) => seen.push(epoch)
    const doneBefore = doing.length
    context.progress = (_done, what = '') => void doing.push(what)
    await learn(model, context, plain({ epochs: 6 }))
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(doing.slice(doneBefore).some((said) => said.startsWith('epoch 1'))).toBe(false)
  })

  test('a checkpoint of other settings or half a file is not gone on with', async () => {
    const model = perceptron()
    const context = contextOf(model, points())
    await learn(model, context, plain({ epochs: 2 }))
    const file = path.join(context.scratch, 'training.checkpoint')
    fs.truncateSync(file, fs.statSync(file).size - 5)
    const { result } = await learn(model, context, plain({ epochs: 2 }))
    expect(result.before).toBeDefined()
    const other = await learn(model, context, plain({ epochs: 3 }))
    expect(other.result.epochs).toBe(3)
  })

  test('early stopping ends when the held-out part no longer improves', async () => {
    const model = perceptron()
    const settings = { epochs: 200, patience: 3, heldOut: 0.3, learningRate: 0.1 }
    const { result } = await learn(model, contextOf(model, points()), plain(settings))
    expect(result.ending).toBe('early')
    expect(result.epochs).toBe(result.bestEpoch + 3)
  })

  test('where time is short the schedule is, so that it comes to its end', async () => {
    const model = perceptron()
    const seen: number[] = []
    const updates = 18
    // Asked before each update but the first three, of all that is left of what was wanted.
    let wanted = 0
    const timeFor = (): number => (updates - seen.length) / (wanted - seen.length)
    const run = async (context: object): Promise<Awaited<ReturnType<typeof learn>>> => {
      seen.length = 0
      const settings = { epochs: 12, batchSize: 16, heldOut: 0.2, learningRate: 0.01 }
      const values = (_: Float32Array, done: number): void => void seen.push(done)
      return learn(
        model,
        { ...contextOf(model, points()), ...context },
        { ...plain(settings), constraints: () => [{ values, eligible: (done) => done === 1 }] },
      )
    }
    await run({})
    wanted = seen.length
    expect(wanted).toBeGreaterThan(2 * updates)
    const { result, notes } = await run({ timeFor })
    expect(seen).toHaveLength(updates)
    expect(seen.at(-1)).toBe(1)
    expect(result).toMatchObject({ ending: 'done', shortened: true })
    expect(result.bestEpoch).toBe(result.epochs)
    expect(notes).toEqual(['There was no time for 12 epochs: the schedule was made as short.'])
  })

  test('effort lengthens what is usual, and the patience with it', async () => {
    const model = perceptron()
    const epochs = async (settings: Record<string, unknown>): Promise<number> =>
      (await learn(model, contextOf(model, points()), plain({ heldOut: 0, ...settings }))).result.epochs
    expect(await epochs({ epochs: 4, effort: 0.5 })).toBe(2)
    expect(await epochs({ epochs: 1, effort: 0.1 })).toBe(1)
    const open = await epochs({ epochs: 0, effort: 0.1, batchSize: 32 })
    // 450 updates of 3 a time are more than the 30 epochs it is kept to.
    expect(open).toBe(3)
    const settings = { epochs: 100, effort: 2, patience: 3, heldOut: 0.3, learningRate: 0.1 }
    const { result } = await learn(model, contextOf(model, points()), plain(settings))
    expect(result.epochs).toBe(result.bestEpoch + 6)
  })

  test('a loss that is no number stops, keeps the best and says so', async () => {
    const model = perceptron()
    const settings = { epochs: 5, optimizer: 'sgd', learningRate: 10, clip: 0, warmUp: 0 }
    const wild = {
      ...plain(settings),
      constraints: () => [{ values: (v: Float32Array, done: number) => void (done > 0.5 && (v[0] = NaN)) }],
    }
    const { result, notes, model: kept } = await learn(model, contextOf(model, points()), wild)
    expect(result.ending).toBe('diverged')
    expect(notes.join(' ')).toContain('diverged')
    expect(kept.graph.initializers.get('w1')!.floats().every(Number.isFinite)).toBe(true)
  })
})

describe('bad input', () => {
  const model = perceptron()
  const teacher = { model: perceptron(1), settings: teachingOf() }

  test('values that overflow from the first sample on', async () => {
    const data = points({ fill: 'infinite' })
    expect(await code(learn(model, contextOf(model, data), plain({ epochs: 2 })))).toBe('model/non-finite')
  })

  test('no labels', async () => {
    expect(await code(learn(model, contextOf(model, points({ labels: 'none' })), plain()))).toBe(
      'data/labels-missing',
    )
    const unlabelled = points({ labels: 'none', task: 'unlabelled' })
    const { notes } = await learn(model, contextOf(model, unlabelled), { ...plain({ epochs: 1 }), teacher })
    expect(notes.join(' ')).toContain('Only the original was learned from, as the data has no labels.')
  })

  test('one class only', async () => {
    const data = points({ labels: 'one class' })
    expect(await code(learn(model, contextOf(model, data), plain()))).toBe('data/one-class')
    const { notes } = await learn(model, contextOf(model, data), { ...plain({ epochs: 1 }), teacher })
    expect(notes.join(' ')).toContain('one class')
  })

  test('labels out of range', async () => {
    expect(await code(learn(model, contextOf(model, points({ labels: 'out of range' })), plain()))).toBe(
      'data/labels-out-of-range',
    )
  })

  test('nothing to learn from, or only calibration samples', async () => {
    const data = points({ training: false })
    expect(await code(learn(model, contextOf(model, data), plain()))).toBe('data/split-missing')
    const { notes } = await learn(model, contextOf(model, data), { ...plain({ epochs: 1 }), teacher })
    expect(notes.join(' ')).toContain('calibration samples')
  })

  test('a model without weights that can learn', async () => {
    const frozen = perceptron()
    const { graph } = frozen
    for (const [name, tensor] of [...graph.initializers]) {
      const codes = tensor.floats().map((value) => Math.round(Math.max(-127, Math.min(127, 64 * value))))
      graph.initializers.set(name, Tensor.of('int8', tensor.dims, codes))
      const scale = graph.addInitializer(`${name}_scale`, Tensor.scalar('float32', 1 / 64))
      graph.addNode({ opType: 'DequantizeLinear', inputs: [name, scale], outputs: [`${name}_f`] })
      graph.replaceUses(name, `${name}_f`, (node) => !node.is('DequantizeLinear'))
    }
    frozen.graph.sort()
    expect(await code(learn(frozen, contextOf(frozen, points()), plain()))).toBe('model/nothing-to-do')
  })

  test('an operator without a gradient is named before anything is trained', async () => {
    const odd = perceptron()
    odd.graph.addNode({ opType: 'TopK', inputs: ['logits', 'k'], outputs: ['top', 'places'] })
    odd.graph.initializers.set('k', Tensor.int64([3]))
    odd.graph.outputs = [{ name: 'top', dtype: 'float32', dims: ['batch', 3] }]
    const context = contextOf(odd, points())
    const thrown: unknown = await learn(odd, context, plain()).catch((cause: unknown) => cause)
    expect((thrown as PareError).data).toMatchObject({
      code: 'model/unsupported-op',
      op: 'TopK',
      by: 'training',
    })
    expect(fs.readdirSync(context.scratch)).toEqual([])
  })

  test('a teacher with other outputs', async () => {
    const other = perceptron()
    other.graph.initializers.set('w2', Tensor.float32([16, 4], new Float32Array(64)))
    other.graph.initializers.set('b2', Tensor.float32([4], new Float32Array(4)))
    other.graph.outputs[0]!.dims = ['batch', 4]
    const work = learn(model, contextOf(model, points()), {
      ...plain(),
      teacher: { ...teacher, model: other },
    })
    expect(await code(work)).toBe('data/shape-mismatch')
  })
})

describe('a model of two outputs', () => {
  /** A second head on the hidden layer, which no label judges. */
  const twoHeads = (operator?: string): Model => {
    const model = perceptron()
    const { graph } = model
    const values = Float32Array.from({ length: 32 }, (_, i) => Math.sin(3 * i))
    graph.initializers.set('w3', Tensor.float32([16, 2], values))
    graph.addNode({ opType: 'MatMul', inputs: ['a', 'w3'], outputs: [operator ? 'plain' : 'side'] })
    if (operator) graph.addNode({ opType: operator, inputs: ['plain'], outputs: ['side'] })
    graph.outputs.push({ name: 'side', dtype: 'float32', dims: ['batch', 2] })
    return model
  }
  const settings = { epochs: 12, heldOut: 0.2 }

  test('learns from labels without forgetting what no label judges', async () => {
    const model = twoHeads()
    const data = points()
    const context = (): ReturnType<typeof contextOf> => contextOf(model, data)
    const alone = await learn(model, context(), plain(settings))
    const held = await learn(model, context(), { ...plain(settings), original: model })
    const { candidates } = await measureQuality(model, [alone.model, held.model], { dataset: data })
    const [forgot, kept] = candidates.map(({ quality }) => quality.beside![0]!.likeness)
    expect(candidates[1]!.quality.value).toBeGreaterThan(0.9)
    expect(1 - kept!).toBeLessThan(0.5 * (1 - forgot!))
  })

  test('says so where nothing comes back from an output', async () => {
    const model = twoHeads('Hardmax')
    const { notes } = await learn(model, contextOf(model, points()), {
      ...plain({ ...settings, epochs: 1 }),
      original: model,
    })
    expect(notes).toContain('Nothing was learned for side: no gradient comes back from there.')
  })
})
