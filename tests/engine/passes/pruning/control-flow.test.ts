import { expect, test } from 'vitest'
import { Graph, Tensor } from '../../../../src/engine/onnx'
import { checkPruning } from './check'
import { Net } from './build'

/** A branch that scales what it captures from outside. */
function branch(captured: string, factor: number): Graph {
  const graph = new Graph()
  graph.initializers.set(`factor_${factor}`, Tensor.scalar('float32', factor))
  graph.addNode({ opType: 'Mul', inputs: [captured, `factor_${factor}`], outputs: [`scaled_${factor}`] })
  graph.outputs = [{ name: `scaled_${factor}`, dtype: 'float32', dims: [null, 8, null, null] }]
  return graph
}

test('what an If captures stays; the rest of the model is pruned', async () => {
  const net = new Net(80)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 6, 3)
  const captured = net.cbr(x, 6, 8, 3)
  const mean = net.op('ReduceMean', ['x'], { keepdims: { int: 0 } })
  const condition = net.op('Greater', [mean, net.constant('zero', Tensor.scalar('float32', 0))])
  const out = net.op('If', [condition], {
    then_branch: { type: 'graph', value: branch(captured, 2) },
    else_branch: { type: 'graph', value: branch(captured, 3) },
  })
  const { dependencies } = await checkPruning(net.head(net.cbr(out, 8, 10, 3), 10).done())
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([6, 10])
  expect(dependencies.whyFixed(captured, 1)).toMatch(/If is not an operator/)
})

test('what a Loop carries stays', async () => {
  const net = new Net(81)
  const x = net.relu(net.gemm(net.input('x', ['batch', 6]), 6, 10))
  const carried = net.gemm(x, 10, 8)
  const body = new Graph()
  body.inputs = [
    { name: 'i', dtype: 'int64', dims: [] },
    { name: 'go', dtype: 'bool', dims: [] },
    { name: 'state', dtype: 'float32', dims: [null, 8] },
  ]
  body.addNode({ opType: 'Identity', inputs: ['go'], outputs: ['go_on'] })
  body.addNode({ opType: 'Tanh', inputs: ['state'], outputs: ['next'] })
  body.outputs = [
    { name: 'go_on', dtype: 'bool', dims: [] },
    { name: 'next', dtype: 'float32', dims: [null, 8] },
  ]
  const out = net.op(
    'Loop',
    [
      net.constant('trips', Tensor.scalar('int64', 3)),
      net.constant('yes', Tensor.of('bool', [], [1])),
      carried,
    ],
    { body: { type: 'graph', value: body } },
  )
  const { dependencies } = await checkPruning(
    net.output(net.gemm(net.relu(net.gemm(out, 8, 12)), 12, 3), 2).done(),
  )
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([10, 12])
})

test('an operator without a rule freezes what it touches and nothing else', async () => {
  const net = new Net(82)
  const x = net.relu(net.gemm(net.input('x', ['batch', 6]), 6, 10))
  const sums = net.op('CumSum', [net.gemm(x, 10, 8), net.constant('axis', Tensor.scalar('int64', 1))])
  const { dependencies } = await checkPruning(
    net.output(net.gemm(net.relu(net.gemm(sums, 8, 12)), 12, 3), 2).done(),
  )
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([10, 12])
})
