import { EventEmitter } from 'node:events'
import { beforeEach, expect, test, vi } from 'vitest'
import { showWindow } from '../../src/browser-shell/window'

const fake = vi.hoisted(() => ({ installed: vi.fn(), open: vi.fn(), spawn: vi.fn(), exists: vi.fn() }))
vi.mock('chrome-launcher', () => ({ Launcher: { getFirstInstallation: fake.installed } }))
vi.mock('open', () => ({ default: fake.open }))
vi.mock('node:child_process', () => ({ spawn: fake.spawn }))
vi.mock('node:fs', () => ({ default: { existsSync: fake.exists } }))

class FakeBrowser extends EventEmitter {
  unref = vi.fn()
}

let [browser, standard] = [new FakeBrowser(), new FakeBrowser()]
beforeEach(() => {
  vi.resetAllMocks()
  ;[browser, standard] = [new FakeBrowser(), new FakeBrowser()]
  fake.installed.mockReturnValue('/opt/chrome')
  fake.spawn.mockReturnValue(browser)
  fake.open.mockResolvedValue(standard)
})

const never = new Promise(() => undefined)
const settled = () => new Promise((resolve) => setTimeout(resolve, 0))
const address = 'http://127.0.0.1:9/#token=t'

test('an installed browser shows the address as an app, with a profile that asks nobody anything', async () => {
  let connect: (count: number) => void = () => undefined
  const shown = showWindow(address, '/data/browser', new Promise((resolve) => (connect = resolve)))
  await settled()
  const [program, args] = fake.spawn.mock.calls[0] as [string, string[]]
  expect(program).toBe('/opt/chrome')
  expect(args).toEqual(expect.arrayContaining([`--app=${address}`, '--user-data-dir=/data/browser']))
  expect(args.find((arg) => arg.startsWith('--host-resolver-rules'))).toContain('MAP * ~NOTFOUND')
  expect(browser.unref).toHaveBeenCalled()
  connect(1)
  expect(await shown).toBe(true)
  expect(fake.open).not.toHaveBeenCalled()
})

test.each<[string, (browser: FakeBrowser) => void]>([
  ['cannot be started', (one) => one.emit('error', new Error('no such file'))],
  ['ends badly', (one) => one.emit('exit', 1)],
])('where it %s the default browser is tried', async (_, fail) => {
  let connect: (count: number) => void = () => undefined
  const shown = showWindow(address, 'p', new Promise((resolve) => (connect = resolve)))
  await settled()
  fail(browser)
  await settled()
  expect(fake.open).toHaveBeenCalledExactlyOnceWith(address)
  connect(1)
  expect(await shown).toBe(true)
})

test('one that is running already takes the address over and ends well: it is waited for', async () => {
  let connect: (count: number) => void = () => undefined
  const shown = showWindow(address, 'p', new Promise((resolve) => (connect = resolve)))
  await settled()
  browser.emit('exit', 0)
  await settled()
  expect(fake.open).not.toHaveBeenCalled()
  connect(1)
  expect(await shown).toBe(true)
})

test('where no way works the address must be printed', async () => {
  fake.spawn.mockImplementation(() => {
    throw new Error('not allowed')
  })
  fake.open.mockRejectedValue(new Error('no browser'))
  expect(await showWindow(address, 'p', never)).toBe(false)
  fake.installed.mockImplementation(() => {
    throw new Error('none')
  })
  fake.exists.mockReturnValue(false)
  fake.spawn.mockClear()
  expect(await showWindow(address, 'p', never)).toBe(false)
  expect(fake.spawn, 'there is none to start').not.toHaveBeenCalled()
})

test('Edge will do where there is no Chrome', async () => {
  fake.installed.mockReturnValue(undefined)
  fake.exists.mockReturnValue(true)
  expect(await showWindow(address, 'p', Promise.resolve(1))).toBe(true)
  if (process.platform !== 'win32') expect((fake.spawn.mock.calls[0] as [string])[0]).toMatch(/edge/i)
})
