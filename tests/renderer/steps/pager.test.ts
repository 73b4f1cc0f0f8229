import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { PAGE, Pager } from '../../../src/renderer/steps/compare/pager.svelte'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('fetches what stays in sight, each page once, and not what flies past', async () => {
  const asked: number[] = []
  const pager = new Pager<number>((offset, limit) => {
    asked.push(offset / PAGE)
    return Promise.resolve(Array.from({ length: limit }, (_, at) => offset + at))
  })
  pager.need(0, 1)
  for (let page = 0; page < 50; page++) pager.see(page * PAGE, page * PAGE + 20)
  await vi.runAllTimersAsync()
  expect(asked).toEqual([0, 49])
  expect(pager.at(4905)).toBe(4905)
  expect(pager.at(2000)).toBeUndefined()
  pager.see(4890, 4910)
  await vi.runAllTimersAsync()
  expect(asked).toEqual([0, 49, 48])
})
