/** Datasets and models small enough to reckon by hand. */
import type { SampleDetail } from '../../../src/contract/compare'
import type { Task } from '../../../src/contract/dataset'
import type { ViewOf } from '../../../src/contract/sample-views'
import type { Batch, BatchOptions, Dataset, Split } from '../../../src/engine/data/dataset'
import { Graph, Model, type Dim, type DType } from '../../../src/engine/onnx'
import { sliceRows, type Value, type Values } from '../../../src/engine/runtime/value'

interface ArrayData {
  task: Task
  inputs: Values
  labels?: Value
  classes?: string[]
}

/** A dataset over arrays in memory; all three splits are the same samples. */
export function arrayDataset({ task, inputs, labels, classes }: ArrayData): Dataset {
  const rows = Object.values(inputs)[0]!.dims[0]!
  const split = (name: Split['name']): Split => ({
    name,
    length: rows,
    origin: 'shared',
    async *batches(size: number, options: BatchOptions = {}): AsyncIterable<Batch> {
      const count = Math.min(rows, options.limit ?? rows)
      for (let from = 0; from < count; from += size) {
        const to = Math.min(count, from + size)
        const cut = (value: Value): Value => sliceRows(value, from, to)
        yield {
          indices: Array.from({ length: to - from }, (_, i) => from + i),
          inputs: Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, cut(value)])),
          ...(labels && { labels: cut(labels) }),
        }
      }
    },
    preview: async (index) => ({ index, title: `sample ${index}` }),
  })
  const splits = {
    calibration: split('calibration'),
    training: split('training'),
    validation: split('validation'),
  }
  const preprocessing = { kind: 'array' as const, scale: 1, mean: [0], std: [1], columns: {} }
  const summarised = { samples: rows, origin: 'shared' as const }
  const dataset: Dataset = {
    kind: 'npz',
    task,
    path: 'arrays',
    classes,
    preprocessing,
    spec: { preprocessing },
    splits,
    summary: () => ({
      kind: 'npz',
      task,
      description: `${rows} arrays`,
      samples: rows,
      splits: { calibration: summarised, training: summarised, validation: summarised },
      classes,
      preprocessing,
      notes: [],
    }),
    variant: () => dataset,
    close: async () => undefined,
  }
  return dataset
}

interface Wire {
  dims: readonly Dim[]
  dtype?: DType
  /** Default: Identity. */
  op?: string
  to?: string
}

/** A model that hands each input to an output through one operator: what goes in is what is measured. */
export function wires(inputs: Record<string, Wire>): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  const graph = new Graph()
  for (const [name, { dims, dtype = 'float32', op = 'Identity', to = `${name}_out` }] of Object.entries(
    inputs,
  )) {
    graph.inputs.push({ name, dtype, dims })
    graph.outputs.push({ name: to, dtype, dims })
    graph.addNode({ opType: op, inputs: [name], outputs: [to] })
  }
  model.graph = graph
  return model
}

/** What the page of a sample shows of a model that answers with numbers. */
export function numbers({ view }: SampleDetail['outputs'][number]): ViewOf<'numbers'> {
  if (view.kind !== 'numbers') throw new TypeError(`a view of ${view.kind}`)
  return view
}

export const floats = (dims: number[], values: number[]): Value => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from(values),
})

export const ints = (dims: number[], values: number[]): Value => ({
  dtype: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
})
