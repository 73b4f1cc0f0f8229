/** A small double of Electron: it records what the shell asks for and lets a test play the other side. */
import { EventEmitter } from 'node:events'
import { vi } from 'vitest'

type Handler = (...args: never[]) => unknown

export const handlers = new Map<string, Handler>()
export const schemes = new Map<string, (request: Request) => Promise<Response>>()
export const sent: { channel: string; args: unknown[] }[] = []
export const opened: Record<string, unknown>[] = []
export const appEvents = new EventEmitter()
export const exposed: Record<string, unknown> = {}
export const rendererEvents = new EventEmitter()
export const invoked: unknown[][] = []

export const sessionDouble = {
  webRequest: { onBeforeRequest: vi.fn() },
  setPermissionRequestHandler: vi.fn(),
  setPermissionCheckHandler: vi.fn(),
  setDevicePermissionHandler: vi.fn(),
}

class BrowserWindow extends EventEmitter {
  readonly webContents = { send: (channel: string, ...args: unknown[]) => void sent.push({ channel, args }) }
  readonly loaded: string[] = []
  bounds = { x: 10, y: 20, width: 900, height: 700 }
  constructor(readonly options: Record<string, unknown>) {
    super()
    opened.push(options)
  }
  maximize(): void {}
  isMaximized = (): boolean => false
  isDestroyed = (): boolean => false
  getNormalBounds = (): object => this.bounds
  loadURL(address: string): Promise<void> {
    this.loaded.push(address)
    return Promise.resolve()
  }
}

export const electron = {
  BrowserWindow,
  app: appEvents,
  session: { defaultSession: sessionDouble },
  ipcMain: { handle: (channel: string, handler: Handler) => void handlers.set(channel, handler) },
  protocol: {
    registerSchemesAsPrivileged: vi.fn(),
    handle: (scheme: string, handler: (request: Request) => Promise<Response>) =>
      void schemes.set(scheme, handler),
  },
  net: { fetch: (address: string) => Promise.resolve(new Response(`bytes of ${address}`)) },
  nativeTheme: { shouldUseDarkColors: false },
  screen: { getAllDisplays: () => [{ bounds: { x: 0, y: 0, width: 1920, height: 1080 } }] },
  Menu: { setApplicationMenu: vi.fn(), buildFromTemplate: (template: unknown) => template },
  contextBridge: { exposeInMainWorld: (name: string, api: unknown) => void (exposed[name] = api) },
  ipcRenderer: {
    invoke: (...args: unknown[]) => {
      invoked.push(args)
      return Promise.resolve({ ok: 'answer' })
    },
    on: (channel: string, listener: Handler) => rendererEvents.on(channel, listener as never),
    off: (channel: string, listener: Handler) => rendererEvents.off(channel, listener as never),
  },
  webUtils: { getPathForFile: (file: { path: string }) => file.path },
}
