/** The start of the app: one instance, files handed over before and after the window is there, recents. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CHANNELS } from '../../src/contract/bridge'
import type * as Double from './electron-double'

const set = { theme: 'dark', tell: (_event: string, _data: object): void => undefined }
const closed = vi.fn()
const created = vi.fn()
vi.mock('../../src/service', () => ({
  createService: (...args: unknown[]) => (
    created(...args),
    {
      invoke: () => Promise.resolve({ notifications: true, theme: set.theme }),
      onAny: (listener: (event: string, data: object) => void) => {
        set.tell = listener
        return () => undefined
      },
      adoptPath: (file: string) =>
        Promise.resolve({ id: file, name: path.basename(file), bytes: 1, kind: 'model' }),
      close: closed,
    }
  ),
}))

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-start-'))
const model = path.join(folder, 'm.onnx')
fs.writeFileSync(model, 'x')
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))
const handedOver = ({ sent }: typeof Double): string[] =>
  sent
    .filter(({ channel, args }) => channel === CHANNELS.event && args[0] === 'files.opened')
    .flatMap(({ args }) => (args[1] as { files: { name: string }[] }).files.map(({ name }) => name))

const slips = ['uncaughtException', 'unhandledRejection'] as const
let before: Record<string, unknown[]>
beforeEach(() => {
  vi.resetModules()
  before = Object.fromEntries(slips.map((slip) => [slip, process.listeners(slip as 'uncaughtException')]))
})
afterEach(() => {
  for (const slip of slips)
    for (const listener of process.listeners(slip as 'uncaughtException'))
      if (!before[slip]!.includes(listener)) process.off(slip, listener)
})

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Runs the main process anew, with a desktop of its own. */
async function launch(args: string[] = [], alone = true): Promise<typeof Double> {
  const double = await import('./electron-double')
  vi.doMock('electron', () => double.electron)
  double.appDouble.lock = alone
  const before = process.argv
  process.argv = ['electron', '/app', ...args]
  await import('../../src/main/index')
  await settle()
  process.argv = before
  return double
}

test('a file the app is started with is taken once the window is loaded, and becomes a recent one', async () => {
  const desktop = await launch([model])
  expect(desktop.windows).toHaveLength(1)
  expect(handedOver(desktop)).toEqual([])
  desktop.windows[0]!.webContents.emit('did-finish-load')
  await settle()
  expect(handedOver(desktop)).toEqual(['m.onnx'])
  expect(desktop.appDouble.recent).toEqual([model])
})

test('before Chromium is up its own services are cut off', async () => {
  const { appendSwitch } = (await launch()).appDouble.commandLine
  expect(appendSwitch).toHaveBeenCalledWith('host-resolver-rules', 'MAP * ~NOTFOUND')
  expect(appendSwitch).toHaveBeenCalledWith('no-proxy-server')
})

test('a second start hands its files over and brings the window back', async () => {
  const desktop = await launch()
  const window = desktop.windows[0]!
  window.webContents.emit('did-finish-load')
  window.minimized = true
  desktop.appDouble.emit('second-instance', {}, ['pare', '--flag', 'm.onnx'], folder)
  await settle()
  expect(handedOver(desktop)).toEqual(['m.onnx'])
  expect([window.minimized, window.focused]).toEqual([false, true])
  const prevented = vi.fn()
  desktop.appDouble.emit('open-file', { preventDefault: prevented }, model)
  await settle()
  expect(prevented).toHaveBeenCalled()
  expect(handedOver(desktop)).toEqual(['m.onnx', 'm.onnx'])
})

test('frames and menus of the system follow the theme that is set, from the start', async () => {
  const { nativeTheme } = (await launch()).electron
  expect(nativeTheme.themeSource).toBe('dark')
  set.theme = 'light'
  set.tell('settings.changed', {})
  await settle()
  expect(nativeTheme.themeSource).toBe('light')
})

test('when the page’s process ends a page says so, with what led to it and the way back', async () => {
  const { windows, schemes, dialogAnswer } = await launch()
  const window = windows[0]!
  set.tell('engine.restarted', { reason: 'out of <memory>' })
  window.webContents.emit('console-message', { level: 'error', message: 'thrown in the page' })
  window.webContents.emit('console-message', { level: 'info', message: 'only said' })
  window.webContents.emit('render-process-gone', {}, { reason: 'clean-exit', exitCode: 0 })
  expect(window.loaded).toHaveLength(1)
  window.webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 5 })
  expect(window.loaded).toEqual(['pare://app/index.html', 'pare://app/crash'])
  const answer = await schemes.get('pare')!({ url: 'pare://app/crash', method: 'GET' } as Request)
  const page = await answer.text()
  for (const text of ['out of &lt;memory&gt;', 'thrown in the page', 'crashed, code 5', 'Pare 1.2.3'])
    expect(page).toContain(text)
  expect(page).not.toContain('only said')
  expect(page).not.toContain('<script')
  expect(page).toContain('href="pare://app/index.html"')
  expect(answer.headers.get('Content-Type')).toBe('text/html; charset=utf-8')
  // Of a window that hangs a person decides.
  for (const response of [0, 1]) {
    Object.assign(dialogAnswer, { response })
    window.emit('unresponsive')
    await settle()
    expect(window.crashes).toBe(response)
  }
})

test('a second instance quits before it opens anything', async () => {
  const desktop = await launch([model], false)
  expect(desktop.appDouble.quits).toBe(1)
  expect(desktop.windows).toHaveLength(0)
})

test('quitting ends the engine, so that a run is found again as interrupted', async () => {
  const desktop = await launch()
  desktop.appDouble.emit('before-quit')
  expect(closed).toHaveBeenCalled()
})

test('installers register models and recipes', () => {
  const built = fs.readFileSync(path.resolve(import.meta.dirname, '../../electron-builder.yml'), 'utf8')
  const associations = /^fileAssociations:\n((?: .*\n)+)/m.exec(built)?.[1] ?? ''
  expect([...associations.matchAll(/ext: (\w+)/g)].map(([, ext]) => ext)).toEqual(['onnx', 'pare'])
})

test('where its folder cannot be used that is said in a dialog, and Pare ends', async () => {
  created.mockImplementationOnce(() => {
    const path = '/home/person/userData/data'
    throw Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'mkdir', path })
  })
  const desktop = await launch()
  expect(desktop.windows).toEqual([])
  expect(desktop.errorBoxes).toMatchObject([
    { title: 'Pare cannot start: Not allowed', content: expect.stringContaining('“data”') },
  ])
  expect(desktop.appDouble.exits).toEqual([1])
})

test('what slips through is logged, and nobody’s work ends', async () => {
  await launch()
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  for (const slip of slips)
    for (const listener of process.listeners(slip as 'uncaughtException'))
      if (!before[slip]!.includes(listener)) listener(new Error('slipped'), slip as never)
  expect(said).toHaveBeenCalledTimes(2)
  said.mockRestore()
})
