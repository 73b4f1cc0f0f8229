import { describe, expect, test } from 'vitest'
import { compareOutputs } from '../../../src/engine/evaluate/comparison/outputs'
import {
  decodeModel,
  encodeModel,
  Graph,
  inlineFunctions,
  Node,
  Tensor,
  type Model,
} from '../../../src/engine/onnx'
import { BufferSource } from '../../../src/engine/onnx/source'
import { WireReader } from '../../../src/engine/onnx/wire'
import { randomFeeds } from '../../../src/engine/runtime'
import { Net } from '../passes/pruning/build'
import { bytes, int, text } from './build'

/** NodeProtos as they stand in a file. */
function encoded(nodes: readonly Node[]): Uint8Array[] {
  const found: Uint8Array[] = []
  const model = new Net().model
  model.graph.nodes = [...nodes]
  const reader = new WireReader(new BufferSource(encodeModel(model), 'nodes'))
  reader.fields((field, wire) => {
    if (field !== 7 || wire !== 2) return false
    const graph = reader.message()
    graph.fields((inner) => inner === 1 && found.push(graph.bytes(graph.span())) > 0)
    return true
  })
  return found
}

interface Shape {
  inputs: string[]
  outputs: string[]
  nodes: Node[]
  opsets?: Record<string, number>
  more?: number[]
}

function define(name: string, { inputs, outputs, nodes, opsets = { '': 17 }, more = [] }: Shape) {
  const raw = Uint8Array.from([
    ...text(1, name),
    ...inputs.flatMap((input) => text(4, input)),
    ...outputs.flatMap((output) => text(5, output)),
    ...encoded(nodes).flatMap((node) => bytes(7, node)),
    ...Object.entries(opsets).flatMap(([domain, version]) =>
      bytes(9, [...text(1, domain), ...int(2, version)]),
    ),
    ...text(10, 'pkg'),
    ...more,
  ])
  return { domain: 'pkg', name, raw }
}

/** `alpha` as the call says, 0.3 where it says nothing. */
const reference = {
  type: 'opaque',
  value: Uint8Array.from([...text(1, 'alpha'), ...int(20, 1), ...text(21, 'alpha')]),
} as const
const byDefault = bytes(11, [...text(1, 'alpha'), ...int(20, 1), 2 * 8 + 5, 0x9a, 0x99, 0x99, 0x3e])

const layer = define('Layer', {
  inputs: ['x', 'w', 'b'],
  outputs: ['y'],
  nodes: [
    new Node({ opType: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['h'] }),
    new Node({ opType: 'Add', inputs: ['h', 'b'], outputs: ['s'] }),
    new Node({ opType: 'LeakyRelu', inputs: ['s'], outputs: ['y'], attributes: { alpha: reference } }),
  ],
  more: byDefault,
})

const twice = define('Twice', {
  inputs: ['x', 'w', 'b'],
  outputs: ['y', 'half'],
  opsets: { '': 17, pkg: 1 },
  nodes: [
    new Node({
      opType: 'Layer',
      domain: 'pkg',
      inputs: ['x', 'w', 'b'],
      outputs: ['h'],
      attributes: { alpha: { float: 0.7 } },
    }),
    new Node({ opType: 'Layer', domain: 'pkg', inputs: ['h', 'w', 'b'], outputs: ['y'] }),
    new Node({ opType: 'Identity', inputs: ['h'], outputs: ['half'] }),
  ],
})

/** Adds what it is given, in one branch; the branches read names of the function. */
function branching(): ReturnType<typeof define> {
  const branch = (opType: string): Graph => {
    const graph = new Graph()
    graph.nodes = [new Node({ opType, inputs: ['h', 'b'], outputs: ['r'] })]
    graph.outputs = [{ name: 'r', dtype: 'float32' }]
    return graph
  }
  return define('Branch', {
    inputs: ['x', 'b'],
    outputs: ['y'],
    nodes: [
      new Node({ opType: 'Relu', inputs: ['x'], outputs: ['h'] }),
      new Node({
        opType: 'ReduceSum',
        inputs: ['h'],
        outputs: ['sum'],
        attributes: { keepdims: { int: 0 } },
      }),
      new Node({
        opType: 'ReduceMax',
        inputs: ['h'],
        outputs: ['most'],
        attributes: { keepdims: { int: 0 } },
      }),
      new Node({ opType: 'Less', inputs: ['most', 'sum'], outputs: ['less'] }),
      new Node({
        opType: 'If',
        inputs: ['less'],
        outputs: ['y'],
        attributes: {
          then_branch: { type: 'graph', value: branch('Add') },
          else_branch: { type: 'graph', value: branch('Sub') },
        },
      }),
    ],
  })
}

/** Of operator set 12, where Squeeze has its axes as an attribute. */
const old = define('Old', {
  inputs: ['x'],
  outputs: ['y'],
  opsets: { '': 12 },
  nodes: [
    new Node({ opType: 'Unsqueeze', inputs: ['x'], outputs: ['u'], attributes: { axes: { ints: [0] } } }),
    new Node({ opType: 'Squeeze', inputs: ['u'], outputs: ['y'], attributes: { axes: { ints: [0] } } }),
  ],
})

function model(functions: Model['functions'], call: (net: Net, x: string) => string): Model {
  const net = new Net(7, 17)
  net.model.opsets.set('pkg', 1)
  net.model.functions = functions
  net.output(call(net, net.input('x', ['batch', 6])), 2)
  return decodeModel(encodeModel(net.model))
}

const called = (net: Net, name: string, inputs: string[], outputs = 1): string[] =>
  net.ops(name, inputs, {}, outputs, 'pkg')

const MODELS: Record<string, () => Model> = {
  'a function': () =>
    model([layer], (net, x) => called(net, 'Layer', [x, net.weight([6, 5]), net.weight([5])])[0]!),
  'called three times': () =>
    model([layer], (net, x) => {
      let value = x
      for (let i = 0; i < 3; i++)
        value = called(net, 'Layer', [value, net.weight([6, 6]), net.weight([6])])[0]!
      return value
    }),
  'functions in functions': () =>
    model([twice, layer], (net, x) => {
      const [y, half] = called(net, 'Twice', [x, net.weight([6, 6]), net.weight([6])], 2)
      return net.op('Add', [y!, half!])
    }),
  'branches in a function, twice': () =>
    model([branching()], (net, x) => {
      const once = called(net, 'Branch', [x, net.weight([6])])[0]!
      return called(net, 'Branch', [once, net.weight([6])])[0]!
    }),
}

describe('computes what ONNX Runtime makes of the functions', () => {
  test.each(Object.keys(MODELS))('%s', async (name) => {
    const source = MODELS[name]!()
    const inlined = inlineFunctions(source)
    expect(inlined.functions).toEqual([])
    expect([...inlined.graphs()].flatMap(({ nodes }) => nodes).filter(({ domain }) => domain)).toEqual([])
    expect(source.functions).not.toEqual([])
    const feeds = randomFeeds(source, { batch: 3, seed: 4 })
    const saved = decodeModel(encodeModel(inlined))
    expect((await compareOutputs(source, saved, feeds)).relative).toBeLessThan(1e-6)
  })
})

test('a function of an older operator set is raised to that of the model', async () => {
  const source = model([old], (net, x) => called(net, 'Old', [x])[0]!)
  const inlined = inlineFunctions(source)
  const feeds = randomFeeds(source, { batch: 2 })
  const same = new Net(7, 17)
  same.output(same.op('Identity', [same.input('x', ['batch', 6])]), 2)
  same.model.graph.nodes[0]!.outputs[0] = inlined.graph.outputs[0]!.name
  same.model.graph.outputs[0]!.name = inlined.graph.outputs[0]!.name
  expect((await compareOutputs(same.model, inlined, feeds)).relative).toBe(0)
})

test('functions that call themselves, or billions of others, are told', () => {
  const loop = define('Loop', {
    inputs: ['x'],
    outputs: ['y'],
    nodes: [new Node({ opType: 'Loop', domain: 'pkg', inputs: ['x'], outputs: ['y'] })],
  })
  expect(() => inlineFunctions(model([loop], (net, x) => called(net, 'Loop', [x])[0]!))).toThrow(
    expect.objectContaining({ code: 'model/not-onnx' }),
  )
  const doubling = Array.from({ length: 40 }, (_, i) =>
    define(`F${i}`, {
      inputs: ['x'],
      outputs: ['y'],
      nodes: ['m', 'y'].map((out, k) =>
        i === 39
          ? new Node({ opType: 'Relu', inputs: [k === 0 ? 'x' : 'm'], outputs: [out] })
          : new Node({ opType: `F${i + 1}`, domain: 'pkg', inputs: [k === 0 ? 'x' : 'm'], outputs: [out] }),
      ),
    }),
  )
  expect(() => inlineFunctions(model(doubling, (net, x) => called(net, 'F0', [x])[0]!))).toThrow(
    expect.objectContaining({ code: 'limit/memory' }),
  )
})

test('the tensors of a function become weights', () => {
  const value = Tensor.float32([6], [1, 2, 3, 4, 5, 6])
  const shift = define('Shift', {
    inputs: ['x'],
    outputs: ['y'],
    nodes: [
      new Node({
        opType: 'Constant',
        inputs: [],
        outputs: ['c'],
        attributes: { value: { type: 'tensor', value } },
      }),
      new Node({ opType: 'Add', inputs: ['x', 'c'], outputs: ['y'] }),
    ],
  })
  const inlined = inlineFunctions(model([shift], (net, x) => called(net, 'Shift', [x])[0]!))
  inlined.constantsToInitializers()
  expect([...inlined.graph.initializers.values()].map((tensor) => [...tensor.floats()])).toEqual([
    [1, 2, 3, 4, 5, 6],
  ])
})
