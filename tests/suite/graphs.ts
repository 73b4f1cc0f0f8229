/** Small models of every kind of input, output and structure that real ones have. */
import { Graph, Node, Tensor, type DType, type Model } from '../../src/engine/onnx'
import { encode, decode } from '../../src/engine/onnx/numeric'
import { sizeOf } from '../../src/engine/onnx/tensor'
import type { Value, ValueData, Values } from '../../src/engine/runtime/value'
import { Net } from '../engine/passes/pruning/build'

interface OwnModel {
  name: string
  model: Model
  /** One feed that it answers; absent where an input is no tensor. */
  inputs?: Values
}

const value = (dtype: DType, dims: readonly number[], of: (i: number) => number): Value => {
  const size = sizeOf(dims)
  const bytes = encode(
    dtype,
    Float64Array.from({ length: size }, (_, i) => of(i)),
  )
  const data = decode(dtype === 'float16' ? 'uint16' : dtype, bytes, size)
  return { dtype, dims, data: data as ValueData }
}

const waves = (dims: readonly number[], dtype: DType = 'float32'): Value =>
  value(dtype, dims, (i) => Math.sin(1.7 * i + 0.3))

/** A dense layer with enough weights for every quantizer, and one after it. */
function twoLayers(net: Net, x: string, from: number): string {
  return net.dense(net.relu(net.dense(x, from, 16)), 16, 12)
}

function declared(net: Net, output: string, dtype: DType, dims: readonly (number | string | null)[]): Model {
  net.model.graph.outputs.push({ name: output, dtype, dims })
  return net.done()
}

function fixedBatch(batch: number): OwnModel {
  const net = new Net(batch)
  const x = net.input('x', [batch, 3, 8, 8])
  net.head(net.cbr(net.cbr(x, 3, 8, 3), 8, 16, 3, { stride: 2 }), 16)
  return { name: `a batch of ${batch}`, model: net.done(), inputs: { x: waves([batch, 3, 8, 8]) } }
}

function secondAxis(): OwnModel {
  const net = new Net(2)
  const x = net.input('x', [7, 'batch', 16])
  const model = declared(net, twoLayers(net, x, 16), 'float32', [7, 'batch', 12])
  return { name: 'the batch on the second axis', model, inputs: { x: waves([7, 2, 16]) } }
}

function scalarBeside(): OwnModel {
  const net = new Net(3)
  const x = net.input('x', ['n', 16])
  const scale = net.input('scale', [])
  const model = declared(net, twoLayers(net, net.op('Mul', [x, scale]), 16), 'float32', ['n', 12])
  return { name: 'a scalar input', model, inputs: { x: waves([2, 16]), scale: waves([]) } }
}

function statePair(): OwnModel {
  const net = new Net(4)
  const [x, h] = [net.input('x', [1, 1, 16]), net.input('h_in', [1, 1, 12])]
  const [w, r] = [net.weight([1, 36, 16], 'W'), net.weight([1, 36, 12], 'R')]
  const [y, state] = net.ops(
    'GRU',
    [x, w, r, net.weight([1, 72], 'B'), '', h],
    { hidden_size: { int: 12 } },
    2,
  )
  const flat = net.op('Squeeze', [y!, net.ints([1])])
  const { graph } = net.model
  graph.addNode({ opType: 'Identity', inputs: [state!], outputs: ['h_out'] })
  graph.outputs.push({ name: 'h_out', dtype: 'float32', dims: [1, 1, 12] })
  const model = declared(net, twoLayers(net, flat, 12), 'float32', [1, 1, 12])
  return {
    name: 'a state that comes back',
    model,
    inputs: { x: waves([1, 1, 16]), h_in: value('float32', [1, 1, 12], () => 0) },
  }
}

function dataSized(): OwnModel {
  const net = new Net(5)
  const x = net.input('x', ['n', 16])
  const y = twoLayers(net, x, 16)
  const above = net.op('Greater', [y, net.constant('zero', Tensor.float32([], [0]))])
  const places = net.op('NonZero', [above])
  net.model.graph.outputs.push({ name: places, dtype: 'int64', dims: [2, 'found'] })
  return {
    name: 'an output as long as the data says',
    model: declared(net, y, 'float32', ['n', 12]),
    inputs: { x: waves([2, 16]) },
  }
}

/** Cast to float32, layers, and cast back. */
function edges(dtype: DType): OwnModel {
  const net = new Net(6)
  net.model.graph.inputs.push({ name: 'x', dtype, dims: ['n', 16] })
  const code = { float16: 10, float64: 11, int8: 3, uint8: 2, bool: 9 }[dtype as string]!
  const y = twoLayers(net, net.op('Cast', ['x'], { to: { int: 1 } }), 16)
  const back = net.op('Cast', [y], { to: { int: code } })
  const x =
    dtype === 'bool' || dtype === 'uint8' ? value(dtype, [2, 16], (i) => i % 2) : waves([2, 16], dtype)
  return { name: `${dtype} in and out`, model: declared(net, back, dtype, ['n', 12]), inputs: { x } }
}

function float64Whole(): OwnModel {
  const net = new Net(7)
  net.model.graph.inputs.push({ name: 'x', dtype: 'float64', dims: ['n', 16] })
  const weight = net.constant(
    'w',
    Tensor.of(
      'float64',
      [16, 12],
      Array.from({ length: 192 }, (_, i) => Math.sin(i)),
    ),
  )
  return {
    name: 'float64 throughout',
    model: declared(net, net.op('MatMul', ['x', weight]), 'float64', ['n', 12]),
    inputs: { x: waves([2, 16], 'float64') },
  }
}

function strings(): OwnModel {
  const net = new Net(8)
  net.model.graph.inputs.push({ name: 'words', dtype: 'string', dims: ['n', 2] })
  net.model.graph.outputs.push({ name: 'same', dtype: 'string', dims: ['n', 2] })
  net.model.graph.addNode({ opType: 'Identity', inputs: ['words'], outputs: ['same'] })
  return {
    name: 'strings',
    model: net.done(),
    inputs: { words: { dtype: 'string', dims: [1, 2], data: ['a', 'ü'] } },
  }
}

/** TypeProto { sequence_type { elem_type { tensor_type { elem_type: 1 } } } }. */
const SEQUENCE = Uint8Array.from([0x22, 6, 0x0a, 4, 0x0a, 2, 0x08, 1])

function sequence(): OwnModel {
  const net = new Net(9)
  net.model.graph.inputs.push({ name: 'parts', raw: SEQUENCE })
  const joined = net.op('ConcatFromSequence', ['parts'], { axis: { int: 0 } })
  return { name: 'a sequence', model: declared(net, twoLayers(net, joined, 16), 'float32', [null, 12]) }
}

/** TypeProto { optional_type { elem_type { tensor_type { elem_type: 1 } } } }. */
const OPTIONAL = Uint8Array.from([0x4a, 6, 0x0a, 4, 0x0a, 2, 0x08, 1])

function optional(): OwnModel {
  const net = new Net(13)
  net.model.graph.inputs.push({ name: 'maybe', raw: OPTIONAL })
  const given = net.op('OptionalGetElement', ['maybe'])
  return { name: 'an optional value', model: declared(net, twoLayers(net, given, 16), 'float32', [null, 12]) }
}

function sequenceBeside(): OwnModel {
  const net = new Net(14)
  const y = twoLayers(net, net.input('x', ['n', 16]), 16)
  net.model.graph.addNode({ opType: 'SplitToSequence', inputs: [y], outputs: ['rows'] })
  const model = declared(net, y, 'float32', ['n', 12])
  model.graph.outputs.push({ name: 'rows', raw: SEQUENCE })
  return { name: 'a sequence beside the output', model, inputs: { x: waves([2, 16]) } }
}

/** A setting that a caller may leave out. */
function defaulted(): OwnModel {
  const net = new Net(15)
  const x = net.input('x', ['n', 16])
  net.input('slope', [])
  net.model.graph.initializers.set('slope', Tensor.scalar('float32', 0.5))
  const y = twoLayers(net, net.op('Mul', [x, 'slope']), 16)
  return {
    name: 'an input with a default',
    model: declared(net, y, 'float32', ['n', 12]),
    inputs: { x: waves([2, 16]) },
  }
}

function listedWeights(): OwnModel {
  const net = new Net(10)
  net.model.irVersion = 3
  net.model.opsets.set('', 8)
  const x = net.input('x', [1, 3, 8, 8])
  const convolved = net.relu(net.conv(net.relu(net.conv(x, 3, 8, 3)), 8, 16, 3))
  net.output(net.gemm(net.op('Flatten', [net.op('GlobalAveragePool', [convolved])]), 16, 6), 2)
  const { graph } = net.model
  for (const [name, { dtype, dims }] of graph.initializers) graph.inputs.push({ name, dtype, dims })
  return { name: 'weights listed as inputs', model: net.done(), inputs: { x: waves([1, 3, 8, 8]) } }
}

const body = (name: string, inputs: Graph['inputs'], nodes: Node[], output: string): Graph => {
  const graph = new Graph()
  graph.name = name
  graph.inputs = inputs
  graph.nodes = nodes
  graph.outputs = [{ name: output, dtype: 'float32', dims: [null, 16] }]
  return graph
}

function branches(): OwnModel {
  const net = new Net(11)
  const [x, w, v] = [net.input('x', ['n', 16]), net.weight([16, 16]), net.weight([16, 16])]
  const product = (weight: string, out: string): Node =>
    new Node({ opType: 'MatMul', inputs: [x, weight], outputs: [out] })
  const sum = net.op('ReduceSum', [x], { keepdims: { int: 0 } })
  const condition = net.op('Greater', [sum, net.constant('zero', Tensor.float32([], [0]))])
  const chosen = net.op('If', [condition], {
    then_branch: { type: 'graph', value: body('then', [], [product(w, 'then_y')], 'then_y') },
    else_branch: { type: 'graph', value: body('else', [], [product(v, 'else_y')], 'else_y') },
  })
  return {
    name: 'branches',
    model: declared(net, twoLayers(net, chosen, 16), 'float32', ['n', 12]),
    inputs: { x: waves([2, 16]) },
  }
}

function loop(): OwnModel {
  const net = new Net(12)
  const [x, w] = [net.input('x', ['n', 16]), net.weight([16, 16])]
  const inside = body(
    'body',
    [
      { name: 'i', dtype: 'int64', dims: [] },
      { name: 'go', dtype: 'bool', dims: [] },
      { name: 'state', dtype: 'float32', dims: [null, 16] },
    ],
    [
      new Node({ opType: 'Identity', inputs: ['go'], outputs: ['go_on'] }),
      new Node({ opType: 'MatMul', inputs: ['state', w], outputs: ['product'] }),
      new Node({ opType: 'Tanh', inputs: ['product'], outputs: ['next'] }),
    ],
    'next',
  )
  inside.outputs.unshift({ name: 'go_on', dtype: 'bool', dims: [] })
  const times = net.constant('times', Tensor.int64([3], []))
  const go = net.constant('go', Tensor.of('bool', [], [1]))
  const last = net.op('Loop', [times, go, x], { body: { type: 'graph', value: inside } })
  return {
    name: 'a loop',
    model: declared(net, twoLayers(net, last, 16), 'float32', ['n', 12]),
    inputs: { x: waves([2, 16]) },
  }
}

/** FunctionProto { name, input: a, w; output: y; MatMul and Tanh; opset 18; domain }. */
function localFunction(): OwnModel {
  const net = new Net(13)
  const text = (field: number, word: string): number[] => [
    (field << 3) | 2,
    word.length,
    ...Buffer.from(word),
  ]
  const message = (field: number, bytes: number[]): number[] => [(field << 3) | 2, bytes.length, ...bytes]
  const node = (op: string, inputs: string[], output: string): number[] =>
    message(7, [...inputs.flatMap((name) => text(1, name)), ...text(2, output), ...text(4, op)])
  const raw = [
    ...text(1, 'Dense'),
    ...text(4, 'a'),
    ...text(4, 'w'),
    ...text(5, 'y'),
    ...node('MatMul', ['a', 'w'], 'm'),
    ...node('Tanh', ['m'], 'y'),
    ...message(9, [0x10, 18]),
    ...text(10, 'local'),
  ]
  net.model.functions.push({ domain: 'local', name: 'Dense', raw: Uint8Array.from(raw) })
  net.model.opsets.set('local', 1)
  const x = net.input('x', ['n', 16])
  const y = net.op('Dense', [x, net.weight([16, 16])], {}, 1, 'local')
  return {
    name: 'a function of its own',
    model: declared(net, twoLayers(net, y, 16), 'float32', ['n', 12]),
    inputs: { x: waves([2, 16]) },
  }
}

export const OWN_MODELS: readonly OwnModel[] = [
  fixedBatch(1),
  fixedBatch(3),
  secondAxis(),
  scalarBeside(),
  statePair(),
  dataSized(),
  ...(['float16', 'float64', 'int8', 'uint8', 'bool'] as const).map(edges),
  float64Whole(),
  strings(),
  sequence(),
  optional(),
  sequenceBeside(),
  defaulted(),
  listedWeights(),
  branches(),
  loop(),
  localFunction(),
]
