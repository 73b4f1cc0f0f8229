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
