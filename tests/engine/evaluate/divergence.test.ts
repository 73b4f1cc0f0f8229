import { expect, test } from 'vitest'
import { divergences } from '../../../src/engine/evaluate/comparison/divergence'
import { Tensor, type Model } from '../../../src/engine/onnx'
import type { Values } from '../../../src/engine/runtime/value'
import { Net } from '../passes/pruning/build'

const SIZE = 8

const dense = (): Model => {
  const net = new Net(3)
  return net.output(net.gemm(net.input('x', ['N', SIZE]), SIZE, 5), 2).done()
}

function without(model: Model, share: number): Model {
  const candidate = model.clone()
  for (const [name, tensor] of candidate.graph.initializers)
    candidate.graph.initializers.set(
      name,
      Tensor.of(
        tensor.dtype,
        tensor.dims,
        tensor.floats().map((x) => x * (1 - share)),
      ),
    )
  return candidate
}

const rows = (count: number, at: (row: number, column: number) => number): Values => ({
  x: {
    dtype: 'float32',
    dims: [count, SIZE],
    data: Float32Array.from({ length: count * SIZE }, (_, i) => at(Math.floor(i / SIZE), i % SIZE)),
  },
})

async function points(...batches: readonly Values[]): Promise<number> {
  const model = dense()
  const [loss] = await divergences(
    model,
    [without(model, 0.1)],
    async function* () {
      yield* batches
    },
    { classes: false },
  )
  return loss!.points
}

test.each([1, 2, 20])(
  'the same sample %i times has no variance: its error is told of the outputs themselves',
  async (count) => {
    const same = rows(count, (_, column) => Math.sin(column))
    // A tenth less of everything: 1% of the energy.
    expect(await points(same)).toBeCloseTo(1, 4)
    expect(await points(same, same)).toBeCloseTo(1, 4)
  },
)

test('what all samples share is no signal', async () => {
  const shift = 3
  const around = (constant: number): Values =>
    rows(64, (row, column) => constant + Math.sin(row * SIZE + column))
  expect(await points(around(shift))).toBeGreaterThan(2 * (await points(around(0))))
})
