import { describe, expect, test } from 'vitest'
import { Model, Tensor, type NodeInit } from '../../../src/engine/onnx'
import { MEMORY_BUDGET } from '../../../src/engine/onnx/budget'
import { requireRoomForConstants } from '../../../src/engine/runtime/declared'

/** A model of one node whose constant inputs are `tensors`. */
function modelOf(init: Omit<NodeInit, 'inputs' | 'outputs'>, tensors: readonly Tensor[]): Model {
  const model = new Model()
  model.opsets.set('', 17)
  const inputs = tensors.map((tensor, i) => model.graph.addInitializer(`in${i}`, tensor))
  model.graph.addNode({ ...init, inputs, outputs: ['y'] })
  return model
}

const huge = Math.ceil(MEMORY_BUDGET / 4) + 1
const one = Tensor.float32([1], Float32Array.of(1))

describe('constants made of a few bytes', () => {
  test.each([
    ['ConstantOfShape', modelOf({ opType: 'ConstantOfShape' }, [Tensor.int64([huge])])],
    [
      'ConstantOfShape over several axes',
      modelOf({ opType: 'ConstantOfShape' }, [Tensor.int64([2, 1, huge])]),
    ],
    ['Expand', modelOf({ opType: 'Expand' }, [one, Tensor.int64([huge])])],
    ['Tile', modelOf({ opType: 'Tile' }, [one, Tensor.int64([huge])])],
    [
      'Range',
      modelOf(
        { opType: 'Range' },
        [0, huge, 1].map((n) => Tensor.int64([n], [])),
      ),
    ],
    ['RandomNormal', modelOf({ opType: 'RandomNormal', attributes: { shape: { ints: [huge] } } }, [])],
  ])('%s above the budget is refused by its node', (_, model) => {
    expect(() => requireRoomForConstants(model, MEMORY_BUDGET)).toThrow(
      expect.objectContaining({
        code: 'limit/memory',
        data: expect.objectContaining({ budget: MEMORY_BUDGET }),
      }),
    )
  })

  test.each<[string, (model: Model, last: string) => string]>([
    [
      'Concat doubles',
      ({ graph }, last) =>
        graph.addNode({ opType: 'Concat', inputs: [last, last], outputs: [graph.freshName('v')] })
          .outputs[0]!,
    ],
    [
      'Add of a column and a row',
      ({ graph }, last) => {
        const side = 2 ** 20
        const column = graph.addInitializer('column', Tensor.int64([side, 1]))
        const row = graph.addInitializer('row', Tensor.int64([1, side]))
        graph.addNode({ opType: 'Expand', inputs: [last, column], outputs: ['tall'] })
        graph.addNode({ opType: 'Expand', inputs: [last, row], outputs: ['wide'] })
        return graph.addNode({ opType: 'Add', inputs: ['tall', 'wide'], outputs: ['square'] }).outputs[0]!
      },
    ],
    [
      'Pad',
      ({ graph }, last) => {
        const pads = graph.addInitializer('pads', Tensor.int64([0, huge]))
        return graph.addNode({ opType: 'Pad', inputs: [last, pads], outputs: ['padded'] }).outputs[0]!
      },
    ],
    [
      'OneHot',
      ({ graph }, last) => {
        const depth = graph.addInitializer('depth', Tensor.int64([huge], []))
        return graph.addNode({ opType: 'OneHot', inputs: [last, depth], outputs: ['hot'] }).outputs[0]!
      },
    ],
  ])('%s: what grows out of constants is held to the limit', (_, grow) => {
    const model = modelOf({ opType: 'ConstantOfShape' }, [Tensor.int64([1])])
    for (let last = 'y', step = 0; step < 45; step++) {
      last = grow(model, last)
      if (last !== `v` && !last.startsWith('v_')) break
    }
    expect(() => requireRoomForConstants(model, MEMORY_BUDGET)).toThrow(
      expect.objectContaining({ code: 'limit/memory' }),
    )
  })

  test('a shape that is text says nothing', () => {
    const model = modelOf({ opType: 'ConstantOfShape' }, [Tensor.fromStrings([1], ['9'])])
    expect(() => requireRoomForConstants(model)).not.toThrow()
  })

  test('weights that are only handed on are no growth', () => {
    const weights = Tensor.float32([256, 256], new Float32Array(65_536))
    expect(() => requireRoomForConstants(modelOf({ opType: 'Cast' }, [weights]), 1)).not.toThrow()
  })

  test('what several make is added up, also of what another made', () => {
    const model = modelOf({ opType: 'ConstantOfShape' }, [Tensor.int64([1])])
    const shape = model.graph.addInitializer('shape', Tensor.int64([Math.ceil(huge / 8)]))
    for (const output of ['a', 'b', 'c'])
      model.graph.addNode({ opType: 'Expand', inputs: ['y', shape], outputs: [output] })
    expect(() => requireRoomForConstants(model, MEMORY_BUDGET)).toThrow(
      expect.objectContaining({ code: 'limit/memory' }),
    )
  })

  test('what is out of proportion to the file is refused unless someone allows it', () => {
    const model = modelOf({ opType: 'ConstantOfShape' }, [Tensor.int64([2 ** 27])])
    expect(() => requireRoomForConstants(model, 0)).toThrow(expect.objectContaining({ code: 'limit/memory' }))
    expect(() => requireRoomForConstants(model, 2 ** 32)).not.toThrow()
  })

  test('what fits is not', () => {
    expect(() =>
      requireRoomForConstants(modelOf({ opType: 'ConstantOfShape' }, [Tensor.int64([1000, 1000])])),
    ).not.toThrow()
  })

  test('a size that only the data tells is left to the watch', () => {
    const model = modelOf({ opType: 'ConstantOfShape' }, [])
    model.graph.inputs.push({ name: 'shape', dtype: 'int64', dims: [1] })
    model.graph.nodes[0]!.inputs = ['shape']
    expect(() => requireRoomForConstants(model)).not.toThrow()
  })
})
