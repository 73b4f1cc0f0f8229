/** Models that compute the same and are written otherwise come out of every weight pass as the plain one does. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { compareOutputs } from '../../../src/engine/evaluate/comparison/outputs'
import { transposed } from '../../../src/engine/math/quantize/rows'
import {
  codeOf,
  encodedLength,
  encodeModel,
  Tensor,
  type AttributeInput,
  type Graph,
  type Model,
  type Node,
} from '../../../src/engine/onnx'
import { findPass } from '../../../src/engine/passes'
import type { PassResult } from '../../../src/engine/passes/pass'
import { randomFeeds } from '../../../src/engine/runtime'
import { Net } from './pruning/build'
import { contextFor } from './pruning/context'

const PASSES: readonly (readonly [pass: string, params: object])[] = [
  ['quantize-weights', { bits: 4, maxLoss: 100 }],
  ['quantize-weights', { bits: 8, method: 'rtn', storage: 'plain', maxLoss: 100 }],
  ['quantize-dynamic', {}],
  ['quantize-static', {}],
  ['share-weights', { leastWeights: 0 }],
  ['low-rank', { leastWeights: 16 }],
  ['prune-weights', { sparsity: 0.5 }],
  ['float16', {}],
  ['float16', { compute: 'float32' }],
]

/** Two layers of 48 × 32 and 32 × 40 with biases; `edit` writes it otherwise. */
function net(edit: (graph: Graph, layers: Node[]) => void = () => undefined): Model {
  const net = new Net(5)
  const hidden = net.relu(net.gemm(net.input('x', ['batch', 48]), 48, 32))
  const model = net.output(net.gemm(hidden, 32, 40), 2).done()
  edit(
    model.graph,
    model.graph.nodes.filter((node) => node.is('Gemm')),
  )
  model.graph.sort()
  return model
}

const constantOf = (graph: Graph, value: string | undefined): Tensor => graph.initializers.get(value!)!

type Way = readonly [name: string, plain: Model, otherwise: Model]

/** A bias of all the same, which [1] and a scalar can stand for. */
const flatBias = (graph: Graph, layers: Node[]): void => {
  for (const { inputs } of layers) {
    const { dims } = constantOf(graph, inputs[2])
    graph.initializers.set(inputs[2]!, Tensor.float32(dims, new Float32Array(dims[0]!).fill(0.3)))
  }
}

const biasOf = (dims: (outputs: number) => number[]) => (graph: Graph, layers: Node[]) => {
  for (const { inputs } of layers) {
    const old = constantOf(graph, inputs[2])
    const shape = dims(old.size)
    const size = shape.reduce((n, d) => n * d, 1)
    graph.initializers.set(inputs[2]!, Tensor.float32(shape, old.floats().slice(0, size)))
  }
}

/** Gemm as MatMul without its bias. */
const productOnly = (graph: Graph, layers: Node[]): void => {
  for (const node of layers) {
    const weight = constantOf(graph, node.inputs[1])
    const [rows, cols] = weight.dims as [number, number]
    graph.initializers.set(
      node.inputs[1]!,
      Tensor.float32([cols, rows], transposed(weight.floats(), rows, cols)),
    )
    node.opType = 'MatMul'
    node.attributes.delete('transB')
    node.inputs.pop()
  }
  graph.prune()
}

const both =
  (...edits: ((graph: Graph, layers: Node[]) => void)[]) =>
  (graph: Graph, layers: Node[]) =>
    edits.forEach((edit) => edit(graph, layers))

type Edit = (graph: Graph, layers: Node[]) => void

/** Every weight and bias of the layers made by nodes; `make` gives the value that stands for the tensor. */
const made =
  (make: (add: Add, tensor: Tensor, name: string, graph: Graph) => string): Edit =>
  (graph, layers) => {
    for (const node of layers)
      for (const slot of [1, 2]) {
        const name = node.inputs[slot]!
        const tensor = graph.initializers.get(name)!
        graph.initializers.delete(name)
        const add: Add = (opType, inputs, attributes = {}) => {
          const output = graph.freshName(`${name}_${opType}`)
          return graph.addNode({ opType, inputs, outputs: [output], attributes }, layers[0]).outputs[0]!
        }
        node.inputs[slot] = make(add, tensor, name, graph)
      }
  }

type Add = (opType: string, inputs: string[], attributes?: Record<string, AttributeInput>) => string

/** The tensor [cols, rows] of a matrix [rows, cols]; of a vector itself. */
function flipped(tensor: Tensor): Tensor {
  const [rows, cols] = tensor.dims
  if (cols === undefined) return tensor
  return Tensor.float32([cols, rows!], transposed(tensor.floats(), rows!, cols))
}

const constants = made((add, tensor) =>
  tensor.dims.length === 1
    ? add('Constant', [], { value_floats: { floats: [...tensor.floats()] } })
    : add('Constant', [], { value: { type: 'tensor', value: tensor } }),
)

const doubles = made((add, tensor, name, graph) => {
  const wide = graph.addInitializer(name, Tensor.of('float64', tensor.dims, tensor.floats()))
  return add('Cast', [wide], { to: { int: codeOf('float32') } })
})

const chain = made((add, tensor, name, graph) => {
  const ints = (values: number[]): string => graph.addInitializer('ints', Tensor.int64(values))
  const whole = graph.addInitializer(name, flipped(tensor).reshape([tensor.size]))
  const [rows, cols] = tensor.dims as [number, number | undefined]
  if (cols === undefined) return add('Squeeze', [add('Unsqueeze', [whole, ints([0])]), ints([0])])
  const matrix = add('Reshape', [add('Identity', [whole]), ints([cols, -1])])
  return add('Transpose', [matrix], rows % 2 ? {} : { perm: { ints: [1, 0] } })
})

const filledBias: Edit = (graph, layers) => {
  layers.forEach((node, i) => {
    const { dims } = constantOf(graph, node.inputs[2])
    const shape = graph.addInitializer('shape', Tensor.int64([dims[0]!]))
    const value = Tensor.float32([1], [0.3])
    const one = graph.addInitializer('one', value)
    node.inputs[2] = `bias_${i}`
    graph.addNode(
      i === 0
        ? { opType: 'Expand', inputs: [one, shape], outputs: ['bias_0'] }
        : {
            opType: 'ConstantOfShape',
            inputs: [shape],
            outputs: [`bias_${i}`],
            attributes: { value: { type: 'tensor', value } },
          },
      layers[0],
    )
  })
  graph.prune()
}

/** IR 3 lists all constants as inputs, later ones where the exporter was told to. */
function listed(irVersion: number): Model {
  const model = net()
  model.irVersion = irVersion
  for (const [name, { dtype, dims }] of model.graph.initializers)
    model.graph.inputs.push({ name, dtype, dims })
  if (irVersion === 3) model.opsets.set('', 8)
  return model
}

const WAYS: readonly Way[] = [
  ['Constant nodes', net(), net(constants)],
  ['doubles that are cast', net(), net(doubles)],
  ['moved and reshaped', net(), net(chain)],
  ['biases made of one number', net(flatBias), net(both(flatBias, filledBias))],
  ['listed as inputs in IR 8', net(), listed(8)],
  ['listed as inputs in IR 3', net(), listed(3)],
  ['a bias of [1, N]', net(), net(biasOf((n) => [1, n]))],
  [
    'a bias of [1]',
    net(flatBias),
    net(
      both(
        flatBias,
        biasOf(() => [1]),
      ),
    ),
  ],
  [
    'a bias of [1, 1]',
    net(flatBias),
    net(
      both(
        flatBias,
        biasOf(() => [1, 1]),
      ),
    ),
  ],
  [
    'a scalar bias',
    net(flatBias),
    net(
      both(
        flatBias,
        biasOf(() => []),
      ),
    ),
  ],
  ['no bias', net((_, layers) => layers.forEach((node) => node.inputs.pop())), net(productOnly)],
  [
    'a computed bias',
    net(),
    net((graph, layers) => {
      const [x] = graph.inputs
      const zero = graph.addInitializer('zero', Tensor.float32([1], [0]))
      const add = (opType: string, inputs: string[], output: string, attributes = {}): string =>
        graph.addNode({ opType, inputs, outputs: [output], attributes }, layers[0]).outputs[0]!
      const none = add('Mul', [add('ReduceMean', [x!.name], 'mean', { keepdims: { int: 0 } }), zero], 'none')
      for (const node of layers) node.inputs[2] = add('Add', [node.inputs[2]!, none], `${node.inputs[2]}_sum`)
    }),
  ],
]

const run = (id: string, params: object, model: Model): Promise<PassResult> => {
  const pass = findPass(id)
  return pass.run(model, pass.parse(params), contextFor(model, 48))
}

/** Many ways are held against the same plain model: what becomes of that is made once. */
const wanted = new Map<string, Promise<PassResult>>()
function wantedOf(id: string, params: object, plain: Model): Promise<PassResult> {
  const bytes = createHash('sha256').update(encodeModel(plain)).digest('hex')
  const key = JSON.stringify([id, params, bytes])
  const found = wanted.get(key) ?? run(id, params, plain)
  wanted.set(key, found)
  return found
}

describe.each(WAYS)('%s', (_, plain, otherwise) => {
  const feeds = randomFeeds(plain)

  test('computes the same', async () => {
    expect((await compareOutputs(plain, otherwise, feeds)).relative).toBeLessThan(1e-6)
  })

  test.each(PASSES)('%s %o', async (id, params) => {
    const [want, got] = [await wantedOf(id, params, plain), await run(id, params, otherwise)]
    expect(got.layers?.length).toBe(want.layers?.length)
    expect(encodedLength(got.model)).toBeLessThan(1.03 * encodedLength(want.model) + 800)
    expect((await compareOutputs(want.model, got.model, feeds)).relative).toBeLessThan(0.02)
  })
})
