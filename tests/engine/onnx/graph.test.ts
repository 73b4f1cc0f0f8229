import { describe, expect, test } from 'vitest'
import { Graph, Node, Tensor } from '../../../src/engine/onnx'

const node = (opType: string, inputs: string[], outputs: string[]): Node =>
  new Node({ opType, inputs, outputs })

describe('names', () => {
  test('fresh names avoid nodes, values, weights and inner graphs, also those added by hand later', () => {
    const graph = new Graph()
    const inner = new Graph()
    inner.nodes = [node('Neg', ['a'], ['inside'])]
    graph.nodes = [node('Relu', ['a'], ['b'])]
    graph.nodes[0]!.set('body', { type: 'graph', value: inner })
    expect(graph.freshName('inside')).toBe('inside_1')
    expect(graph.freshName('b')).toBe('b_1')
    expect(graph.freshName('b')).toBe('b_2')
    graph.nodes.push(node('Relu', ['b'], ['late']))
    expect(graph.freshName('late')).toBe('late_1')
    graph.initializers.set('w', Tensor.int64([1]))
    expect(graph.freshName('w')).toBe('w_1')
    graph.addNode({ opType: 'Neg', inputs: ['late'], outputs: ['by_add'] })
    expect(graph.freshName('by_add')).toBe('by_add_1')
    graph.nodes.splice(1, 0, node('Relu', ['a'], ['between']))
    graph.nodes.push(node('Relu', ['a'], ['behind']))
    expect(graph.freshName('between')).toBe('between_1')
    expect(graph.freshName('behind')).toBe('behind_1')
  })
})

describe('edits', () => {
  test('prune drops what no output needs and keeps what inner graphs capture', () => {
    const graph = new Graph()
    const inner = new Graph()
    inner.nodes = [node('Neg', ['caught'], ['z'])]
    inner.outputs = [{ name: 'z' }]
    graph.nodes = [node('Relu', ['x'], ['caught']), node('If', ['c'], ['y']), node('Exp', ['x'], ['dead'])]
    graph.nodes[1]!.set('then_branch', { type: 'graph', value: inner })
    graph.inputs = [{ name: 'x' }, { name: 'c' }]
    graph.outputs = [{ name: 'y' }]
    graph.initializers.set('unread', Tensor.int64([1]))
    graph.valueInfo.set('dead', { name: 'dead' })
    expect(graph.prune()).toEqual({ nodes: 1, initializers: 1 })
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(['Relu', 'If'])
    expect(graph.valueInfo.size).toBe(0)
  })

  test('an inner graph that hands an outer value out keeps its own output name', () => {
    const graph = new Graph()
    const inner = new Graph()
    inner.outputs = [{ name: 'a' }]
    graph.nodes = [node('If', ['c'], ['y'])]
    graph.nodes[0]!.set('then_branch', { type: 'graph', value: inner })
    graph.replaceUses('a', 'b')
    expect(inner.outputs).toEqual([{ name: 'a' }])
    expect(inner.nodes.map(({ opType, inputs, outputs }) => [opType, inputs, outputs])).toEqual([
      ['Identity', ['b'], ['a']],
    ])
  })

  test('an inner name that hides the outer one is left alone', () => {
    const graph = new Graph()
    const inner = new Graph()
    inner.inputs = [{ name: 'a' }]
    inner.nodes = [node('Neg', ['a'], ['z'])]
    graph.nodes = [node('Loop', ['a'], ['y'])]
    graph.nodes[0]!.set('body', { type: 'graph', value: inner })
    graph.replaceUses('a', 'b')
    expect(graph.nodes[0]!.inputs).toEqual(['b'])
    expect(inner.nodes[0]!.inputs).toEqual(['a'])
  })

  test('sort is stable, follows captures and names a cycle', () => {
    const graph = new Graph()
    graph.nodes = [
      node('C', ['b'], ['c']),
      node('A', ['x'], ['a']),
      node('B', ['a'], ['b']),
      node('D', ['x'], ['d']),
    ]
    graph.sort()
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(['A', 'B', 'C', 'D'])
    graph.nodes[0]!.inputs = ['c']
    expect(() => graph.sort()).toThrow('cycle through node')
  })

  test('a long chain in reverse order does not exhaust the stack', () => {
    const graph = new Graph()
    for (let i = 50_000; i > 0; i--) graph.nodes.push(node('Neg', [`v${i - 1}`], [`v${i}`]))
    graph.sort()
    expect(graph.nodes[0]!.outputs).toEqual(['v1'])
  })

  test('a constant is seen through Identity and Constant nodes', () => {
    const graph = new Graph()
    graph.nodes = [node('Constant', [], ['k']), node('Identity', ['k'], ['i']), node('Neg', ['i'], ['n'])]
    graph.nodes[0]!.set('value', { type: 'tensor', value: Tensor.int64([4]) })
    expect(graph.constant('i')!.numbers()).toEqual([4])
    expect(graph.constant('n')).toBeUndefined()
  })

  test('values that are handed on in a circle, or very often, are no trouble', () => {
    const graph = new Graph()
    graph.nodes = [node('Identity', ['a'], ['a']), node('Identity', [], ['nothing'])]
    expect(graph.constant('a')).toBeUndefined()
    expect(graph.constant('nothing')).toBeUndefined()
    graph.initializers.set('v0', Tensor.int64([7]))
    for (let i = 0; i < 20_000; i++) graph.nodes.push(node('Identity', [`v${i}`], [`v${i + 1}`]))
    expect(graph.constant('v20000', graph.producers())!.numbers()).toEqual([7])
  })

  test('a node that reads or makes very many values is no trouble', () => {
    const many = Array.from({ length: 200_000 }, (_, i) => `v${i}`)
    const graph = new Graph()
    graph.nodes = [node('Sum', many, ['y']), node('Split', ['ids'], many)]
    graph.outputs = [{ name: 'y' }]
    expect(graph.prune()).toEqual({ nodes: 0, initializers: 0 })
  })

  test('edits of a clone do not reach the original', () => {
    const graph = new Graph()
    graph.nodes = [node('Neg', ['x'], ['y'])]
    graph.nodes[0]!.set('body', { type: 'graph', value: new Graph() })
    const copy = graph.clone()
    copy.nodes[0]!.inputs[0] = 'z'
    copy.nodes[0]!.subgraphs()[0]![1].nodes.push(node('Abs', ['x'], ['q']))
    copy.nodes[0]!.set('axis', { int: 1 })
    expect(graph.nodes[0]!.inputs).toEqual(['x'])
    expect(graph.nodes[0]!.subgraphs()[0]![1].nodes).toEqual([])
    expect(graph.nodes[0]!.attributes.size).toBe(1)
  })
})
