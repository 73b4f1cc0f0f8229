import { afterEach, expect, it, vi } from 'vitest'
import { rangeOf } from '../../../src/renderer/lib/range'
import { copyText, saveCsv } from '../../../src/renderer/lib/save'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

it('a table is saved under its title, and its address is given back later, not at once', async () => {
  vi.useFakeTimers()
  const link = { href: '', download: '', click: vi.fn() }
  vi.stubGlobal('document', { createElement: () => link })
  let blob: Blob | undefined
  vi.spyOn(URL, 'createObjectURL').mockImplementation((given) => {
    blob = given as Blob
    return 'blob:1'
  })
  const revoke = vi.spyOn(URL, 'revokeObjectURL').mockImplementation(() => undefined)
  saveCsv('Size & quality', ['name', 'bytes'], [['a,b', 3]])
  expect(link).toMatchObject({ href: 'blob:1', download: 'size-quality.csv' })
  expect(link.click).toHaveBeenCalledTimes(1)
  expect(await blob!.text()).toBe('name,bytes\r\n"a,b",3\r\n')
  expect(revoke).not.toHaveBeenCalled()
  vi.advanceTimersByTime(60_000)
  expect(revoke).toHaveBeenCalledExactlyOnceWith('blob:1')
})

it('text is copied by the selection where the clipboard is closed to pages', async () => {
  const writeText = vi.fn(() => Promise.resolve())
  vi.stubGlobal('navigator', { clipboard: { writeText } })
  await copyText('one')
  expect(writeText).toHaveBeenCalledExactlyOnceWith('one')

  const area = { value: '', select: vi.fn(), remove: vi.fn() }
  const body: unknown[] = []
  let copied = ''
  vi.stubGlobal('document', {
    createElement: () => area,
    body: { append: (element: unknown) => body.push(element) },
    execCommand: (what: string) => (copied = `${what} ${area.value}`),
  })
  vi.stubGlobal('navigator', { clipboard: { writeText: () => Promise.reject(new Error('not allowed')) } })
  await copyText('two')
  expect(copied).toBe('copy two')
  expect(body).toEqual([area])
  expect(area.select).toHaveBeenCalledBefore(area.remove)
})

it.each<[number[][], [number, number]]>([
  [
    [[3, -2], [7]],
    [-2, 7],
  ],
  [[[5]], [5, 5]],
  [
    [[], []],
    [0, 0],
  ],
  [[], [0, 0]],
  [[[NaN, 1]], [1, 1]],
])('the range of %j is %j', (series, range) => {
  expect(rangeOf(series)).toEqual(range)
})
