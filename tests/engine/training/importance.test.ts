import { expect, test } from 'vitest'
import { Tensor } from '../../../src/engine/onnx'
import { weightImportance } from '../../../src/engine/training/importance'
import { learn } from '../../../src/engine/training/learn'
import { contextOf, perceptron, points, settingsOf } from './support'

test('hidden units nothing reads matter least, with labels and without', async () => {
  const model = perceptron()
  const { model: taught } = await learn(model, contextOf(model, points()), {
    by: 'test',
    labels: true,
    settings: settingsOf({ epochs: 5 }),
  })
  const reading = taught.graph.initializers.get('w2')!.floats().slice()
  // Units 3 and 7 are hardly read.
  for (const unit of [3, 7]) for (let c = 0; c < 3; c++) reading[unit * 3 + c]! *= 1e-3
  taught.graph.initializers.set('w2', Tensor.float32([16, 3], reading))
  for (const labels of ['true', 'none'] as const) {
    const data = points({ labels, task: labels === 'true' ? 'classification' : 'unlabelled' })
    const found = await weightImportance(taught, contextOf(taught, data), { by: 'test', limit: 64 })
    const w1 = found.get('w1')!
    const units = Array.from({ length: 16 }, (_, u) =>
      [0, 1, 2, 3].reduce((sum, i) => sum + w1[i * 16 + u]!, 0),
    )
    const lowest = units.map((score, u) => [score, u] as const).sort((a, b) => a[0] - b[0])
    // Units that never fire score zero too; the two must be among the lowest few.
    const rank = (u: number): number => lowest.findIndex(([, unit]) => unit === u)
    const silent = units.filter((score) => score === 0).length
    expect(rank(3)).toBeLessThan(silent + 2)
    expect(rank(7)).toBeLessThan(silent + 2)
    expect(w1.every((score) => score >= 0)).toBe(true)
  }
})
