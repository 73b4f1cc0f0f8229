/** Models whose weights lie within If and Loop, or are read there. */
import { Graph, Tensor, type Model } from '../../../src/engine/onnx'
import { Net } from '../passes/pruning/build'

export const WIDTH = 32
export const HIDDEN = 64
export const CLASSES = 20

/** x → MatMul → Relu → Gemm or MatMul, all in a branch. */
function branch(name: string, first: string, second: string, gemm: boolean): Graph {
  const graph = new Graph()
  graph.name = name
  graph.addNode({ opType: 'MatMul', inputs: ['x', first], outputs: [`${name}_hidden`] })
  graph.addNode({ opType: 'Relu', inputs: [`${name}_hidden`], outputs: [`${name}_relu`] })
  graph.addNode({
    opType: gemm ? 'Gemm' : 'MatMul',
    inputs: [`${name}_relu`, second],
    outputs: [`${name}_out`],
  })
  graph.outputs = [{ name: `${name}_out`, dtype: 'float32', dims: [null, CLASSES] }]
  return graph
}

/** "shared": both branches read two weights of the main graph; "own": each has two of its own. */
export function ifModel(weights: 'shared' | 'own', { gemm = false, seed = 5 } = {}): Model {
  const net = new Net(seed)
  net.input('x', ['N', WIDTH])
  net.model.graph.inputs.push({ name: 'use', dtype: 'bool', dims: [] })
  const names = ['then', 'else']
  const shared = [net.weight([WIDTH, HIDDEN]), net.weight([HIDDEN, CLASSES])] as const
  const bodies = names.map((name) => {
    if (weights === 'shared') return branch(name, ...shared, gemm)
    const own = [net.weight([WIDTH, HIDDEN]), net.weight([HIDDEN, CLASSES])] as const
    const body = branch(name, ...own, gemm)
    for (const value of own) {
      body.initializers.set(value, net.model.graph.initializers.get(value)!)
      net.model.graph.initializers.delete(value)
    }
    return body
  })
  if (weights === 'own') for (const value of shared) net.model.graph.initializers.delete(value)
  net.output(
    net.op('If', ['use'], {
      then_branch: { type: 'graph', value: bodies[0]! },
      else_branch: { type: 'graph', value: bodies[1]! },
    }),
    2,
  )
  return net.model
}

/** A Loop that multiplies its state by a Constant of its own body, three times. */
export function loopModel(seed = 6): Model {
  const net = new Net(seed)
  const x = net.input('x', ['N', WIDTH])
  const body = new Graph()
  body.inputs = [
    { name: 'i', dtype: 'int64', dims: [] },
    { name: 'go', dtype: 'bool', dims: [] },
    { name: 'state', dtype: 'float32', dims: [null, WIDTH] },
  ]
  const weight = net.weight([WIDTH, WIDTH])
  const value = { type: 'tensor' as const, value: net.model.graph.initializers.get(weight)! }
  net.model.graph.initializers.delete(weight)
  body.addNode({ opType: 'Constant', inputs: [], outputs: ['w'], attributes: { value } })
  body.addNode({ opType: 'Identity', inputs: ['go'], outputs: ['go_on'] })
  body.addNode({ opType: 'MatMul', inputs: ['state', 'w'], outputs: ['next'] })
  body.outputs = [
    { name: 'go_on', dtype: 'bool', dims: [] },
    { name: 'next', dtype: 'float32', dims: [null, WIDTH] },
  ]
  const trips = net.constant('trips', Tensor.scalar('int64', 3))
  const yes = net.constant('yes', Tensor.of('bool', [], [1]))
  net.output(net.op('Loop', [trips, yes, x], { body: { type: 'graph', value: body } }), 2)
  return net.model
}
