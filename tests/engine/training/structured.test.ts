/** Students of tasks whose labels are no class a sample: boxes, texts, masks. Each learns from labels alone, then with a teacher. */
import { describe, expect, test } from 'vitest'
import type { Task } from '../../../src/contract/dataset'
import type { Dataset } from '../../../src/engine/data/dataset'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { seeded } from '../../../src/engine/math/random'
import { Model, Tensor, type AttributeInput } from '../../../src/engine/onnx'
import { float32, int64 } from '../../../src/engine/runtime'
import { labelRows, type LabelledPicture } from '../../../src/engine/tasks/detection/label-rows'
import { textLabels } from '../../../src/engine/tasks/transcription/texts'
import { learn } from '../../../src/engine/training/learn'
import { chooseObjective } from '../../../src/engine/training/objective'
import { StepRunner } from '../../../src/engine/training/step'
import { Parameters, trainableWeights } from '../../../src/engine/training/trainable'
import { contextOf, inMemory, settingsOf, teachingOf } from './support'

/** Writes a network: constants by name, nodes by what they give. */
function network(seed: number, input: readonly (number | string)[], output: readonly (number | string)[]) {
  const random = seeded(seed)
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: input }]
  graph.outputs = [{ name: 'out', dtype: 'float32', dims: output }]
  const weight = (name: string, dims: number[], scale: number, mean = 0): string => {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: size }, () => mean + scale * random.normal())
    graph.initializers.set(name, Tensor.float32(dims, values))
    return name
  }
  const constant = (name: string, dims: number[], values: readonly number[]): string => {
    graph.initializers.set(name, Tensor.float32(dims, Float32Array.from(values)))
    return name
  }
  const ints = (name: string, values: number[]): string => {
    graph.initializers.set(name, Tensor.int64(values))
    return name
  }
  const node = (
    opType: string,
    inputs: string[],
    output: string,
    attributes: Record<string, AttributeInput> = {},
  ): string => {
    graph.addNode({ opType, inputs, outputs: [output], attributes })
    return output
  }
  return { model, weight, constant, ints, node }
}

const SIDE = 16
const CELLS = 4

/** [N, 1, 16, 16] → [N, 5, 16]: a box of some 6 pixels in every cell, as YOLOv8 lays them out. */
function detector(seed: number): Model {
  const { model, weight, constant, ints, node } = network(seed, ['N', 1, SIDE, SIDE], ['N', 5, CELLS * CELLS])
  const conv = (from: string, to: number, of: number, size: number, out: string): string =>
    node(
      'Conv',
      [from, weight(`w${out}`, [to, of, size, size], 0.8 / size), weight(`b${out}`, [to], 0.1)],
      out,
      {
        strides: { ints: [size - 1, size - 1] },
        pads: { ints: [1, 1, 1, 1].map((p) => p * Number(size > 2)) },
      },
    )
  const first = node('Relu', [conv('x', 12, 1, 3, 'c1')], 'a1')
  const second = node('Relu', [conv(first, 12, 12, 3, 'c2')], 'a2')
  const head = node('Conv', [second, weight('wh', [5, 12, 3, 3], 0.1), weight('bh', [5], 0.01)], 'head', {
    pads: { ints: [1, 1, 1, 1] },
  })
  const flat = node('Reshape', [head, ints('flat', [0, 5, CELLS * CELLS])], 'flat_head')
  const [from, to, end, axis] = [ints('from', [0]), ints('to', [4]), ints('end', [5]), ints('axis', [1])]
  const cell = SIDE / CELLS
  const centres = Array.from({ length: CELLS * CELLS }, (_, i) => (Math.floor(i % CELLS) + 0.5) * cell)
  const rows = Array.from({ length: CELLS * CELLS }, (_, i) => (Math.floor(i / CELLS) + 0.5) * cell)
  const sizes = new Array<number>(2 * CELLS * CELLS).fill(6)
  const cells = constant('cells', [1, 4, CELLS * CELLS], [...centres, ...rows, ...sizes])
  const boxes = node('Add', [node('Slice', [flat, from, to, axis], 'sides'), cells], 'boxes')
  const scores = node('Sigmoid', [node('Slice', [flat, to, end, axis], 'logits')], 'scores')
  node('Concat', [boxes, scores], 'out', { axis: { int: 1 } })
  return model
}

const pictureOf = (corners: Record<'left' | 'top' | 'right' | 'bottom', number>): LabelledPicture => ({
  frame: {
    ...{ width: SIDE, height: SIDE, scaleX: 1, scaleY: 1, left: 0, top: 0 },
    ...{ inputWidth: SIDE, inputHeight: SIDE },
  },
  boxes: [{ ...corners, class: 0, ignored: 0 }],
})

/** One bright rectangle a picture. */
const rectangles = (): Dataset =>
  inMemory('detection', ['thing'], { training: 64, calibration: 16, validation: 32 }, (length, seed) => {
    const random = seeded(seed)
    const x = Float32Array.from({ length: length * SIDE * SIDE }, () => 0.1 * random.normal())
    const pictures = Array.from({ length }, (_, n) => {
      const [w, h] = [4 + random.below(4), 4 + random.below(4)]
      const [left, top] = [random.below(SIDE - w), random.below(SIDE - h)]
      for (let i = top; i < top + h; i++)
        for (let j = left; j < left + w; j++) x[(n * SIDE + i) * SIDE + j]! += 1
      return pictureOf({ left, top, right: left + w, bottom: top + h })
    })
    return { inputs: { x: float32([length, 1, SIDE, SIDE], x) }, labels: labelRows(pictures) }
  })

const STEPS = 10
const LETTERS = ['a', 'b', 'c']

/** [N, 10, 6] → [N, 10, 4]: scores of nothing and of three letters at each step. */
function reader(seed: number): Model {
  const { model, weight, node } = network(seed, ['N', STEPS, 6], ['N', STEPS, 1 + LETTERS.length])
  const hidden = node('MatMul', ['x', weight('w1', [6, 16], 0.5)], 'h')
  const active = node('Relu', [node('Add', [hidden, weight('b1', [16], 0.1)], 'h1')], 'a')
  const scores = node('MatMul', [active, weight('w2', [16, 4], 0.3)], 's')
  node('Softmax', [node('Add', [scores, weight('b2', [4], 0.1)], 'logits')], 'out', { axis: { int: 2 } })
  return model
}

/** Letters shown for a step or two with a gap after each. */
const lines = (): Dataset =>
  inMemory('transcription', LETTERS, { training: 64, calibration: 16, validation: 32 }, (length, seed) => {
    const random = seeded(seed)
    const x = Float32Array.from({ length: length * STEPS * 6 }, () => 0.2 * random.normal())
    const texts = Array.from({ length }, (_, n) => {
      let text = ''
      for (let t = 0; t < STEPS - 1; t += 3) {
        if (random.next() < 0.2) continue
        const letter = random.below(LETTERS.length)
        for (let k = 0; k <= random.below(2); k++) x[(n * STEPS + t + k) * 6 + letter]! += 1
        text += LETTERS[letter]
      }
      return text
    })
    return { inputs: { x: float32([length, STEPS, 6], x) }, labels: textLabels(texts) }
  })

/** [N, 1, 8, 8] → [N, 2, 8, 8] */
function segmenter(seed: number): Model {
  const { model, weight, node } = network(seed, ['N', 1, 8, 8], ['N', 2, 8, 8])
  const pads = { pads: { ints: [1, 1, 1, 1] } }
  const hidden = node('Conv', ['x', weight('w1', [6, 1, 3, 3], 0.4), weight('b1', [6], 0.1)], 'h', pads)
  const active = node('Relu', [hidden], 'a')
  node('Conv', [active, weight('w2', [2, 6, 3, 3], 0.2), weight('b2', [2], 0.1)], 'out', pads)
  return model
}

const blobs = (): Dataset =>
  inMemory(
    'segmentation',
    ['ground', 'thing'],
    { training: 64, calibration: 16, validation: 32 },
    (length, seed) => {
      const random = seeded(seed)
      const labels = Array.from({ length }, () => {
        const [left, top] = [random.below(5), random.below(5)]
        return Array.from({ length: 64 }, (_, i) => {
          const [row, column] = [Math.floor(i / 8), i % 8]
          return Number(row >= top && row < top + 4 && column >= left && column < left + 4)
        })
      }).flat()
      const x = Float32Array.from(labels, (label) => label + 0.4 * random.normal())
      return { inputs: { x: float32([length, 1, 8, 8], x) }, labels: int64([length, 8, 8], labels) }
    },
  )

interface Case {
  task: Task
  make: (seed: number) => Model
  data: () => Dataset
  /** The score that a student reaches, and whether more is better. */
  reached: number
  higher: boolean
  epochs: number
}

const CASES: Case[] = [
  { task: 'detection', make: detector, data: rectangles, reached: 0.4, higher: true, epochs: 12 },
  { task: 'transcription', make: reader, data: lines, reached: 0.05, higher: false, epochs: 36 },
  { task: 'segmentation', make: segmenter, data: blobs, reached: 0.85, higher: true, epochs: 12 },
]

describe.each(CASES)('a student of $task', ({ make, data, reached, higher, epochs }) => {
  const better = (a: number, b: number): boolean => (higher ? a > b : a < b)
  const settings = settingsOf({ epochs, batchSize: 8, learningRate: 0.02, heldOut: 0.2 })

  test('learns from labels alone, then a second one from it and from labels', async () => {
    const dataset = data()
    const start = make(1)
    const teacher = await learn(start, contextOf(start, dataset), {
      by: 'test',
      settings,
      labels: true,
      original: start,
    })
    expect(teacher.notes.join(' ')).not.toContain('Only the original')
    const second = make(2)
    const taught = await learn(second, contextOf(teacher.model, dataset), {
      by: 'test',
      settings,
      labels: true,
      teacher: { model: teacher.model, settings: teachingOf({ teacherShare: 0.5 }) },
    })
    const measured = await measureQuality(teacher.model, [start, second, taught.model], { dataset })
    const [before, raw, after] = measured.candidates.map(({ quality }) => quality.value)
    const best = measured.original.quality.value
    expect({ before, best, raw, after }).toSatisfy(() => better(best, reached) && better(after!, reached))
    expect({ before, best, raw, after }).toSatisfy(() => better(best, before!) && better(after!, raw!))
  })
})

test('slopes told beside the graph reach weights as finite differences say', async () => {
  const dataset = lines()
  const model = reader(3)
  const names = trainableWeights(model.graph)
  const parameters = Parameters.of(model, names)
  let batch
  for await (batch of dataset.splits.training.batches(4, { limit: 4 })) break
  const { kind, value, classAxis, structured } = await chooseObjective(model, dataset, batch!)
  const spec = { kind, value, classAxis, structured: structured!, hard: true, soft: false }
  const runner = new StepRunner({ model, spec, trainable: names, micro: 4 })
  const lossAt = (into: Float32Array): Promise<number> =>
    runner.gradients({ batch: batch! }, 1 / 4, parameters, into, { alpha: 0, temperature: 1 })
  const gradients = new Float32Array(parameters.values.length)
  const loss = await lossAt(gradients)
  expect(loss).toBeGreaterThan(0)
  const aside = new Float32Array(gradients.length)
  const steepest = gradients.reduce((a, g) => Math.max(a, Math.abs(g)), 0)
  const h = 1e-3
  for (let i = 0; i < gradients.length; i += Math.ceil(gradients.length / 24)) {
    const at = async (by: number): Promise<number> => {
      const before = parameters.values[i]!
      parameters.values[i] = before + by
      const found = await lossAt(aside)
      parameters.values[i] = before
      return found
    }
    const slope = ((await at(h)) - (await at(-h))) / (2 * h)
    expect(Math.abs(gradients[i]! - slope)).toBeLessThan(0.03 * steepest)
  }
  await runner.release()
})

test('boxes from a graph that takes overlapping ones out itself are imitated, and not learned alone', async () => {
  const { model, weight, node } = network(1, ['N', 4], ['N', 2, 6])
  const given = node('MatMul', ['x', weight('w', [4, 12], 0.5)], 'given')
  model.graph.initializers.set('to', Tensor.int64([0, 2, 6]))
  node('Reshape', [given, 'to'], 'out')
  const dataset = inMemory(
    'detection',
    ['thing'],
    { training: 16, calibration: 0, validation: 8 },
    (length) => ({
      inputs: { x: float32([length, 4], new Float32Array(4 * length).fill(1)) },
      labels: labelRows(new Array(length).fill(pictureOf({ left: 2, top: 2, right: 8, bottom: 8 }))),
    }),
  )
  dataset.spec.boxes = 'yolo-nms'
  const run = (more: object): Promise<unknown> =>
    learn(model, contextOf(model, dataset), {
      by: 'test',
      settings: settingsOf({ epochs: 1 }),
      labels: true,
      ...more,
    })
  await expect(run({})).rejects.toMatchObject({ data: { code: 'model/nothing-to-do' } })
  const taught = run({ teacher: { model, settings: teachingOf({ teacherShare: 0.5 }) } })
  await expect(taught).resolves.toMatchObject({
    notes: expect.arrayContaining([expect.stringContaining('as boxes as yolo-nms has them')]) as unknown,
  })
})
