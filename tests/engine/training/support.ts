/** A small network on separable points, in memory: enough to learn from in milliseconds. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Task } from '../../../src/contract/dataset'
import type { Batch, BatchOptions, Dataset, Split } from '../../../src/engine/data/dataset'
import { seeded } from '../../../src/engine/math/random'
import { Model, Tensor } from '../../../src/engine/onnx'
import { float32, int64 } from '../../../src/engine/runtime'
import { learningFields, teacherFields } from '../../../src/engine/training/settings'
import { pickRows, type Value, type Values } from '../../../src/engine/runtime/value'
import { z } from 'zod'
import { findTarget } from '../../../src/engine/targets'
import type { Target } from '../../../src/engine/targets/target'

export const CLASSES = 3
export const WIDTH = 4

/** x [N, 4] → 16 → 3 logits. */
export function perceptron(seed = 5, hidden = 16): Model {
  const random = seeded(seed)
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', WIDTH] }]
  graph.outputs = [{ name: 'logits', dtype: 'float32', dims: ['batch', CLASSES] }]
  const weight = (name: string, dims: number[], scale: number): string => {
    const size = dims.reduce((a, b) => a * b, 1)
    graph.initializers.set(
      name,
      Tensor.float32(
        dims,
        Float32Array.from({ length: size }, () => scale * random.normal()),
      ),
    )
    return name
  }
  graph.addNode({
    opType: 'Gemm',
    inputs: ['x', weight('w1', [WIDTH, hidden], 0.5), weight('b1', [hidden], 0.1)],
    outputs: ['h'],
  })
  graph.addNode({ opType: 'Relu', inputs: ['h'], outputs: ['a'] })
  graph.addNode({
    opType: 'Gemm',
    inputs: ['a', weight('w2', [hidden, CLASSES], 0.3), weight('b2', [CLASSES], 0.1)],
    outputs: ['logits'],
  })
  return model
}

interface DataOptions {
  count?: number
  task?: Task
  labels?: 'true' | 'none' | 'one class' | 'out of range'
  /** What the inputs hold. */
  fill?: 'points' | 'infinite'
  training?: boolean
}

/** Samples in memory, in the order they stand. */
function splitOf(name: Split['name'], inputs: Values, labels: Value | undefined): Split {
  const length = Object.values(inputs)[0]!.dims[0]!
  return {
    name,
    length,
    origin: 'given',
    async *batches(size: number, { indices, limit }: BatchOptions = {}): AsyncIterable<Batch> {
      const order = (indices ?? Array.from({ length }, (_, i) => i)).slice(0, limit)
      for (let at = 0; at < order.length; at += size) {
        const rows = order.slice(at, at + size)
        const picked = Object.entries(inputs).map(([input, value]) => [input, pickRows(value, rows)])
        yield {
          indices: rows,
          inputs: Object.fromEntries(picked) as Values,
          ...(labels && { labels: pickRows(labels, rows) }),
        }
      }
    },
    preview: () => Promise.reject(new Error('not shown')),
  }
}

/** A dataset whose samples `make` gives, training, calibration and validation each by a seed of its own. */
export function inMemory(
  task: Task,
  classes: string[],
  counts: Record<Split['name'], number>,
  make: (length: number, seed: number) => { inputs: Values; labels?: Value },
): Dataset {
  const split = (name: Split['name'], seed: number): Split => {
    const { inputs, labels } = make(counts[name], seed)
    return splitOf(name, inputs, labels)
  }
  return {
    kind: 'npz',
    task,
    path: '(memory)',
    classes,
    preprocessing: { kind: 'array', scale: 1, mean: [0], std: [1], columns: {} },
    spec: {},
    splits: {
      training: split('training', 1),
      calibration: split('calibration', 2),
      validation: split('validation', 3),
    },
    summary: () => {
      throw new Error('not asked')
    },
    variant: () => {
      throw new Error('not asked')
    },
    close: () => Promise.resolve(),
  }
}

/** Points around three centres; training, calibration and validation of `count` each. */
export function points(options: DataOptions = {}): Dataset {
  const { count = 96, labels = 'true', fill = 'points' } = options
  const told = {
    true: (c: number) => c,
    none: () => 0,
    'one class': () => 1,
    'out of range': (c: number) => c + 7,
  }[labels]
  const counts = {
    training: options.training === false ? 0 : count,
    calibration: Math.min(count, 48),
    validation: count,
  }
  return inMemory(options.task ?? 'classification', ['a', 'b', 'c'], counts, (length, seed) => {
    const random = seeded(seed)
    const classes = Array.from({ length }, (_, i) => i % CLASSES)
    const values = Float32Array.from({ length: length * WIDTH }, (_, i) => {
      if (fill === 'infinite') return 3e38
      const centre = Math.floor(i / WIDTH) % CLASSES === i % WIDTH ? 2 : 0
      return centre + 0.6 * random.normal()
    })
    return {
      inputs: { x: float32([length, WIDTH], values) },
      ...(labels !== 'none' && { labels: int64([length], classes.map(told)) }),
    }
  })
}

export const settingsOf = (
  values: Record<string, unknown> = {},
): z.output<z.ZodObject<typeof learningFields>> =>
  z.object(learningFields).parse({ learningRate: 0.02, batchSize: 16, heldOut: 0.25, ...values })

export const teachingOf = (
  values: Record<string, unknown> = {},
): z.output<z.ZodObject<typeof teacherFields>> => z.object(teacherFields).parse(values)

export function scratch(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'pare-training-'))
}

interface TestContext {
  original: Model
  data: Dataset
  progress(done: number, doing?: string): void
  signal: AbortSignal
  random: ReturnType<typeof seeded>
  scratch: string
  stopRequested?(): boolean
  providers: readonly string[]
  target: Target
  point(at: { epoch: number; loss: number; quality?: number }): void
}

export function contextOf(original: Model, data: Dataset, seed = 0): TestContext {
  return {
    original,
    data,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(seed),
    scratch: scratch(),
    providers: ['cpu'],
    target: findTarget('any'),
    point: () => undefined,
  }
}
