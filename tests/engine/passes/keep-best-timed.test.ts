/** What is kept is timed beside the original alone, as a report times it. */
import { expect, test, vi } from 'vitest'
import { keepBest } from '../../../src/engine/passes/keep-best'
import { Net } from './pruning/build'
import { contextOf, noise } from './quantization/support'

/** Share of the original's time, by how many candidates are timed with it. */
const clock = vi.hoisted(() => ({ ratios: (count: number): number[] => new Array<number>(count).fill(0.9) }))

vi.mock('../../../src/engine/evaluate/latency', () => ({
  measureLatency: (_: unknown, candidates: readonly unknown[]) =>
    Promise.resolve({
      candidates: clock
        .ratios(candidates.length)
        .map((value) => ({ ratio: { value, interval: [value - 0.01, value + 0.01] } })),
    }),
}))

const inputs = { x: noise([48, 64]) }

async function kept(objective: 'balance' | 'size', ratios: typeof clock.ratios): Promise<string> {
  clock.ratios = ratios
  const net = new Net(3)
  const hidden = net.relu(net.gemm(net.input('x', [null, 64]), 64, 256))
  net.output(net.gemm(hidden, 256, 8), 2)
  const result = await keepBest.run(net.model, { objective, maxLoss: 5 }, contextOf(net.model, inputs))
  return result.summary!
}

test('as fast alone as among others: the smallest within the loss', async () => {
  const summary = await kept('balance', (count) => new Array<number>(count).fill(0.9))
  expect(summary).toMatch(/^Kept (dynamic int8|8-bit weights)/)
  expect(summary).not.toContain('slower')
})

test('one that is slower alone than it was among others gives way to the next', async () => {
  const first = await kept('balance', (count) => new Array<number>(count).fill(0.9))
  let asked = 0
  const then = await kept('balance', (count) =>
    count > 1 ? new Array<number>(count).fill(0.9) : [asked++ === 0 ? 1.5 : 0.9],
  )
  const title = (summary: string): string => /^Kept ([^:(]+)/.exec(summary)![1]!
  expect(title(then)).not.toBe(title(first))
  expect(asked).toBe(2)
})

test('where all are slower alone nothing is kept for speed, and what is kept for size says so', async () => {
  const alone = (count: number): number[] => (count > 1 ? new Array<number>(count).fill(0.9) : [1.2])
  expect(await kept('balance', alone)).toMatch(/^Only cleaned up: nothing tried is .* no slower/)
  expect(await kept('size', alone)).toContain('it is slower than the original all the same')
})
