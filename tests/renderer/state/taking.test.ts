import { describe, expect, it, vi } from 'vitest'
import type { DroppedFile } from '../../../src/contract/app'
import { PareError } from '../../../src/contract/errors'
import type { App } from '../../../src/renderer/state/app.svelte'
import { batches, takeDropped } from '../../../src/renderer/state/taking'

const dropped = (...paths: string[]) => paths.map((relativePath) => ({ file: {}, relativePath }))
const names = (...paths: string[]) =>
  batches(dropped(...paths)).map((batch) => batch.map(({ relativePath }) => relativePath))

describe('what is handed over first', () => {
  it('is the model, with its weights, where folders of data come with it', () => {
    expect(names('digits/0/a.png', 'm.onnx', 'm.onnx.data', 'digits/1/b.png')).toEqual([
      ['m.onnx', 'm.onnx.data'],
      ['digits/0/a.png', 'digits/1/b.png'],
    ])
  })

  it('is everything at once where files may belong together', () => {
    expect(names('m.onnx', 'labels.csv', 'pictures/a.png')).toHaveLength(1)
    expect(names('train/a.png', 'test/b.png')).toHaveLength(1)
    expect(names('m.onnx', 'x.npz')).toHaveLength(1)
  })
})

it('says what share came how fast, and is given up without a complaint', async () => {
  type Handed = { signal: AbortSignal; progress: (sent: number, total: number) => void }
  vi.useFakeTimers({ toFake: ['Date'] })
  const filesOf = (_: readonly DroppedFile[], { signal, progress }: Handed) => {
    vi.setSystemTime(Date.now() + 2000)
    progress(40_000_000, 80_000_000)
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(new PareError('cancelled', { during: 'reading' }))),
    )
  }
  const app = { host: { filesOf } } as unknown as App
  const done = takeDropped(app, dropped(...Array.from({ length: 20_000 }, (_, i) => `all/${i}.png`)))
  expect(app.taking).toMatchObject({ doing: 'Reading 20,000 files', done: 0.5 })
  expect(app.taking!.aside!.replaceAll('\u202f', ' ')).toBe('40 MB of 80 MB, 20 MB a second')
  app.taking!.cancel()
  await done
  expect([app.taking, app.error]).toEqual([undefined, undefined])
  vi.useRealTimers()
})
