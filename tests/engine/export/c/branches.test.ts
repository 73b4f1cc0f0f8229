/** If as C: both branches computed, and what they give chosen between. */
import { describe, expect, test } from 'vitest'
import { generate } from '../../../../src/engine/export/c/generate'
import { Graph, Tensor, type Model } from '../../../../src/engine/onnx'
import { float32, type Values } from '../../../../src/engine/runtime'
import { Net } from '../../passes/pruning/build'
import { apart, compiler, WITHOUT } from './support'

/** One weight [4, outputs] times the outer `x`; both branches call their values the same. */
function branch(outputs: number, value: number, name = 'a', then?: (graph: Graph) => string): Graph {
  const graph = new Graph()
  graph.initializers.set(`${name}w`, Tensor.float32([4, outputs], new Array<number>(4 * outputs).fill(value)))
  graph.addNode({ opType: 'MatMul', name: 'product', inputs: ['x', `${name}w`], outputs: [name] })
  graph.outputs.push({ name: then?.(graph) ?? name, dtype: 'float32' })
  return graph
}

const choose = (graph: Graph, yes: Graph, no: Graph, output: string): string => {
  graph.addNode({
    opType: 'If',
    inputs: ['is'],
    outputs: [output],
    attributes: {
      then_branch: { type: 'graph', value: yes },
      else_branch: { type: 'graph', value: no },
    },
  })
  return output
}

function branched(yes: Graph, no: Graph): Model {
  const net = new Net(1)
  const x = net.input('x', [1, 4])
  const { graph } = net.model
  const sum = net.op('ReduceSum', [x], { keepdims: { int: 0 } })
  graph.addNode({
    opType: 'Greater',
    inputs: [sum, net.constant('none', Tensor.float32([], [0]))],
    outputs: ['is'],
  })
  return net.output(choose(graph, yes, no, 'y'), 2).model
}

const samples = [1, -1].map((value): Values => ({ x: float32([1, 4], new Float32Array(4).fill(value)) }))

describe.skipIf(!compiler)(`compiled and run${WITHOUT}`, () => {
  test('either branch, and a branch within a branch', async () => {
    const nested = branch(3, 2, 'a', (graph) => choose(graph, branch(3, 5, 'b'), branch(3, 4, 'b'), 'inner'))
    expect((await apart(branched(nested, branch(3, -1)), samples)).most).toBe(0)
  })
})

test('branches of other shapes are named', async () => {
  const model = branched(branch(3, 2), branch(1, 4))
  await expect(generate(model, 'model')).rejects.toThrow(
    'the branches of the If that gives “y” give other shapes.',
  )
})
