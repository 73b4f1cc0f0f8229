/** Candidates that are measured by themselves: when it begins, and that a stop is kept. */
import { expect, it, vi } from 'vitest'
import type { Host, MethodName } from '../../../src/contract/app'
import { PareError } from '../../../src/contract/errors'
import type { Project } from '../../../src/contract/project'
import { App } from '../../../src/renderer/state/app.svelte'
import { finishedRun, project } from '../fake/fixtures'

type Settle = { resolve: (value: Project) => void; reject: (cause: unknown) => void }

/** An app whose measurements end when the test says so. */
function open(): { app: App; asked: [MethodName, unknown][]; going: Settle[] } {
  const asked: [MethodName, unknown][] = []
  const going: Settle[] = []
  const invoke = vi.fn((method: MethodName, input: unknown) => {
    asked.push([method, input])
    if (method !== 'compare.together') return Promise.resolve(undefined)
    return new Promise((resolve, reject) => going.push({ resolve, reject }))
  })
  const app = new App({ shell: 'browser', invoke, on: () => () => undefined } as unknown as Host)
  app.show(project({ runs: [finishedRun()] }))
  return { app, asked, going }
}

const cancelled = () => new PareError('cancelled', { during: 'measuring' })
const soon = () => new Promise((resolve) => setTimeout(resolve))

it('begins once, and shows what came of it', async () => {
  const { app, asked, going } = open()
  app.together.begin(['a', 'b'])
  app.together.begin(['b', 'a'])
  expect(asked).toEqual([['compare.together', { project: 'digits', candidates: ['a', 'b'] }]])
  expect(app.together.measures(['b', 'a'])).toBe(true)
  going[0]!.resolve(project({ name: 'with a sitting' }))
  await soon()
  expect(app.together.measures(['a', 'b'])).toBe(false)
  expect(app.project!.name).toBe('with a sitting')
})

it('does not begin again what a person stopped, unless asked', async () => {
  const { app, asked, going } = open()
  app.together.begin(['a', 'b'])
  await app.together.stop()
  expect(asked.at(-1)).toEqual(['compare.stop', { project: 'digits' }])
  going[0]!.reject(cancelled())
  await soon()
  expect(app.error).toBeUndefined()
  app.together.begin(['a', 'b'])
  expect(going).toHaveLength(1)
  const again = app.together.measure(['a', 'b'])
  expect(going).toHaveLength(2)
  going[1]!.resolve(project())
  await again
})

it('lets others take its place, and begins anew when it is looked at again', async () => {
  const { app, going } = open()
  app.together.begin(['a', 'b'])
  app.together.begin(['a', 'b', 'c'])
  going[0]!.reject(cancelled())
  await soon()
  expect(app.together.measures(['a', 'b', 'c'])).toBe(true)
  app.together.begin(['a', 'b'])
  expect(going).toHaveLength(3)
})

it('shows nothing in another project that is open by then', async () => {
  const { app, going } = open()
  app.together.begin(['a', 'b'])
  app.show(project({ id: 'other' }))
  going[0]!.resolve(project({ name: 'late' }))
  await soon()
  expect(app.project!.id).toBe('other')
})
