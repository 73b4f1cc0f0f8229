import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { ACTIONS } from '../../src/contract/actions'
import { CHANNELS } from '../../src/contract/bridge'
import { PareError } from '../../src/contract/errors'
import { appDouble, appEvents, handlers, opened, schemes, sent, sessionDouble } from './electron-double'

vi.mock('electron', async () => (await import('./electron-double')).electron)

const { fileBehind, isOwn, serveRenderer, START_URL } = await import('../../src/main/protocol')
const { enforceOffline, mayRequest } = await import('../../src/main/security')
const { answerWindow, tell } = await import('../../src/main/ipc')
const { menuTemplate } = await import('../../src/main/menu')
const { releasesPage } = await import('../../src/main/releases')
const { GROUND, openWindow, readState } = await import('../../src/main/window')
const { filesAmong } = await import('../../src/main/opened-files')

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-main-'))
const own = { senderFrame: { url: START_URL, parent: null } }

test('only the window itself is its own', () => {
  expect(isOwn(START_URL)).toBe(true)
  for (const address of [
    'https://app/index.html',
    'pare://other/index.html',
    'file:///etc/passwd',
    'pare:app',
    '',
  ])
    expect(isOwn(address), address).toBe(false)
})

test('no address leaves the folder of the renderer', () => {
  expect(fileBehind('pare://app/assets/a.js', folder)).toBe(path.join(folder, 'assets/a.js'))
  for (const address of [
    'pare://app/..%2f..%2fetc/passwd',
    'pare://evil/index.html',
    'pare://app/%2e%2e/%2e%2e/x',
    'pare://app/',
  ])
    expect(fileBehind(address, folder)?.startsWith(folder + path.sep) ?? true, address).toBe(true)
  expect(fileBehind('pare://app/..%2f..%2fetc/passwd', folder)).toBeUndefined()
})

test('the renderer is served under a strict policy, and only read', async () => {
  serveRenderer(folder, { made: () => ({ type: 'text/plain', text: 'now' }) })
  const serve = schemes.get('pare')!
  const page = await serve(new Request(START_URL.replace('pare:', 'http:')) as Request)
  expect(page.status).toBe(404)
  const made = await serve({ url: START_URL.replace('index.html', 'made'), method: 'GET' } as Request)
  expect([await made.text(), made.headers.get('Content-Type')]).toEqual(['now', 'text/plain; charset=utf-8'])
  expect(made.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
  const real = await serve({ url: START_URL, method: 'GET' } as Request)
  expect(real.status).toBe(200)
  const policy = real.headers.get('Content-Security-Policy')!
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).not.toMatch(/unsafe-eval|unsafe-inline|https?:/)
  expect((await serve({ url: START_URL, method: 'POST' } as Request)).status).toBe(404)
})

test('offline is enforced: requests, permissions, navigation, windows', () => {
  enforceOffline()
  const [ask] = sessionDouble.webRequest.onBeforeRequest.mock.calls[0] as [
    (details: { url: string }, answer: (a: { cancel: boolean }) => void) => void,
  ]
  const cancelled = (url: string): boolean => {
    let result = false
    ask({ url }, ({ cancel }) => (result = cancel))
    return result
  }
  expect(cancelled('https://example.com/')).toBe(true)
  expect(cancelled('wss://example.com/')).toBe(true)
  expect(cancelled(START_URL)).toBe(false)
  expect(mayRequest('http://127.0.0.1:80/')).toBe(false)
  const [permission] = sessionDouble.setPermissionRequestHandler.mock.calls[0] as [
    (c: unknown, p: string, answer: (granted: boolean) => void) => void,
  ]
  permission({}, 'media', (granted) => expect(granted).toBe(false))

  const listeners = new Map<string, (event: { preventDefault(): void }, address: string) => void>()
  let windowOpen: (() => { action: string }) | undefined
  appEvents.emit(
    'web-contents-created',
    {},
    {
      on: (name: string, listener: never) => listeners.set(name, listener),
      setWindowOpenHandler: (handler: () => { action: string }) => (windowOpen = handler),
    },
  )
  const prevented = (address: string): boolean => {
    let hit = false
    listeners.get('will-navigate')!({ preventDefault: () => (hit = true) }, address)
    return hit
  }
  expect(prevented('https://example.com')).toBe(true)
  expect(prevented(START_URL)).toBe(false)
  expect(windowOpen!()).toEqual({ action: 'deny' })
})

test('only the window is answered, and errors arrive as data', async () => {
  answerWindow({
    invoke: (name) =>
      name === 'app.info'
        ? Promise.resolve('hello')
        : Promise.reject(new PareError('data/empty', { path: 'x' })),
    adoptPath: (file) => Promise.resolve({ id: '1', name: path.basename(file), bytes: 3, kind: 'model' }),
  })
  const invoke = handlers.get(CHANNELS.invoke)! as (...args: unknown[]) => Promise<unknown>
  const adopt = handlers.get(CHANNELS.adopt)! as (...args: unknown[]) => Promise<unknown>
  expect(await invoke(own, 'app.info')).toEqual({ ok: 'hello' })
  expect(await invoke(own, 'projects.list')).toEqual({ error: { code: 'data/empty', path: 'x' } })
  for (const senderFrame of [
    { url: 'https://example.com', parent: null },
    { url: START_URL, parent: {} },
    null,
  ])
    expect(await invoke({ senderFrame }, 'app.info')).toMatchObject({ error: { code: 'bad-request' } })
  expect(await adopt(own, ['/a/m.onnx'])).toEqual({
    ok: [{ id: '1', name: 'm.onnx', bytes: 3, kind: 'model' }],
  })
  expect(appDouble.recent).toEqual(['/a/m.onnx'])
  expect(await adopt(own, [''])).toMatchObject({ error: { code: 'bad-request' } })
  expect(await adopt(own, 'm.onnx')).toMatchObject({ error: { code: 'bad-request' } })
})

test('the window is sandboxed, and its place is kept', () => {
  const stateFile = path.join(folder, 'window.json')
  const window = openWindow({ preload: 'preload.cjs', stateFile })
  expect(opened[0]).toMatchObject({
    webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false, webSecurity: true },
  })
  // No flash of another colour before the page is there.
  const tokens = fs.readFileSync(
    path.resolve(import.meta.dirname, '../../src/renderer/styles/tokens.css'),
    'utf8',
  )
  expect(tokens).toContain(`--ground: light-dark(${GROUND.light}, ${GROUND.dark})`)
  window.emit('close')
  expect(readState(stateFile)).toEqual({ x: 10, y: 20, width: 900, height: 700, maximized: false })
  fs.writeFileSync(stateFile, JSON.stringify({ x: 5000, y: 20, width: 900, height: 700 }))
  expect(readState(stateFile)).toEqual({ width: 900, height: 700, maximized: false })
  fs.writeFileSync(stateFile, '{')
  expect(readState(stateFile)).toMatchObject({ width: 1280, height: 800 })
  for (const state of ['null', '{"width":"wide"}', '{"x":null,"y":5}', '{"width":-4}']) {
    fs.writeFileSync(stateFile, state)
    expect(readState(stateFile)).toEqual({ width: 1280, height: 800, maximized: false })
  }
  // The place cannot be kept: the window closes all the same.
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const lost = openWindow({ preload: 'preload.cjs', stateFile: path.join(stateFile, 'none') })
  expect(() => lost.emit('close')).not.toThrow()
  expect(said).toHaveBeenCalledOnce()
  said.mockRestore()
  tell(window, 'settings.changed', {})
  expect(sent.at(-1)).toEqual({ channel: CHANNELS.event, args: ['settings.changed', {}] })
})

test('the native menu holds every action of the registry once', () => {
  const chosen: string[] = []
  const desktop = { installCommand: vi.fn(), showReleases: vi.fn() }
  const flat = menuTemplate('linux', (action) => chosen.push(action), desktop).flatMap(
    (menu) => menu.submenu as { label?: string; click?(): void }[],
  )
  for (const item of flat) item.click?.()
  expect(chosen).toEqual(expect.arrayContaining(ACTIONS.map((action) => action.id)))
  expect(chosen).toHaveLength(ACTIONS.length)
  for (const own of Object.values(desktop)) expect(own).toHaveBeenCalledOnce()
  for (const platform of ['linux', 'darwin'] as const) {
    const labels = menuTemplate(platform, vi.fn(), desktop).flatMap(
      ({ submenu }) => (submenu as { label?: string }[] | undefined)?.map(({ label }) => label) ?? [],
    )
    for (const { title } of ACTIONS)
      expect(
        labels.filter((label) => label === title),
        title,
      ).toHaveLength(1)
  }
  const mac = menuTemplate('darwin', vi.fn(), desktop)
  const roles = (menu: (typeof mac)[number]) =>
    (menu.submenu as { role?: string }[] | undefined)?.flatMap(({ role }) => role ?? []) ?? []
  expect(mac.map(({ role, label }) => role ?? label)).toEqual([
    ...['appMenu', 'File', 'Edit', 'View', 'Run', 'windowMenu', 'help'],
  ])
  expect(roles(mac[0]!)).toEqual(['services', 'hide', 'hideOthers', 'unhide', 'quit'])
  expect(roles(mac[1]!)).toContain('recentDocuments')
  expect(roles(mac[3]!)).toContain('togglefullscreen')
})

test('the page of releases is the one that packaging named, or there is none', () => {
  const named = (homepage: unknown): string | undefined => {
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ homepage }))
    return releasesPage(folder)
  }
  expect(named('https://host.invalid/who/pare/')).toBe('https://host.invalid/who/pare/releases')
  expect([named(undefined), named('file:///etc'), releasesPage('/nowhere')]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('files handed over by the system are told from flags', () => {
  const file = path.join(folder, 'm.onnx')
  fs.writeFileSync(file, 'x')
  expect(filesAmong(['electron', folder, '--flag', 'm.onnx', 'absent.onnx'], folder, folder)).toEqual([file])
})
