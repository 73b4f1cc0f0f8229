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

export const sessionDouble = Object.assign(new EventEmitter(), {
  webRequest: { onBeforeRequest: vi.fn() },
  setPermissionRequestHandler: vi.fn(),
  setPermissionCheckHandler: vi.fn(),
  setDevicePermissionHandler: vi.fn(),
})

export class BrowserWindow extends EventEmitter {
  readonly webContents = Object.assign(new EventEmitter(), {
    send: (channel: string, ...args: unknown[]) => void sent.push({ channel, args }),
    startDrag: (item: object) => void dragged.push(item),
    forcefullyCrashRenderer: () => void this.crashes++,
  })
  readonly bars: number[] = []
  crashes = 0
  flashes = 0
  focused = false
  minimized = false
  shown = 0
  readonly loaded: string[] = []
  bounds = { x: 10, y: 20, width: 900, height: 700 }
  constructor(readonly options: Record<string, unknown>) {
    super()
    opened.push(options)
    windows.push(this)
  }
  static readonly getAllWindows = (): BrowserWindow[] => []
  setProgressBar = (share: number): void => void this.bars.push(share)
  flashFrame = (): void => void this.flashes++
  isFocused = (): boolean => this.focused
  isMinimized = (): boolean => this.minimized
  restore = (): void => void (this.minimized = false)
  focus = (): void => void (this.focused = true)
  show = (): void => void this.shown++
  maximize(): void {}
  isMaximized = (): boolean => false
  isDestroyed = (): boolean => false
  getNormalBounds = (): object => this.bounds
  loadURL(address: string): Promise<void> {
    this.loaded.push(address)
    return Promise.resolve()
  }
}

/** What the system was handed as a drag. */
export const dragged: object[] = []

export const windows: BrowserWindow[] = []

/** What the person answers in the next native dialog. */
export const dialogAnswer: {
  filePaths?: string[]
  filePath?: string
  canceled: boolean
  response?: number
} = { canceled: true }
export const asked: Record<string, unknown>[] = []
const answered = (...args: Record<string, unknown>[]) => {
  asked.push(args.at(-1)!)
  return Promise.resolve({ ...dialogAnswer })
}

export const appDouble = Object.assign(appEvents, {
  isPackaged: false,
  lock: true,
  recent: [] as string[],
  quits: 0,
  focused: 0,
  getPath: (name: string) => `/home/person/${name}`,
  getAppPath: () => '/app',
  requestSingleInstanceLock: (): boolean => appDouble.lock,
  getVersion: () => '1.2.3',
  setAppUserModelId: vi.fn(),
  setDesktopName: vi.fn(),
  dock: { bounce: vi.fn() },
  addRecentDocument: (file: string) => void appDouble.recent.push(file),
  quit: () => void appDouble.quits++,
  exits: [] as number[],
  exit: (code: number) => void appDouble.exits.push(code),
  focus: () => void appDouble.focused++,
  whenReady: () => Promise.resolve(),
  commandLine: { appendSwitch: vi.fn() },
})

export const power = { started: [] as string[], stopped: [] as number[] }

export const notifications: Notification[] = []
class Notification extends EventEmitter {
  static readonly isSupported = (): boolean => true
  constructor(readonly words: { title: string; body: string }) {
    super()
  }
  show = (): void => void notifications.push(this)
}

export const errorBoxes: { title: string; content: string }[] = []

export const revealed: string[] = []

export const electron = {
  BrowserWindow,
  app: appDouble,
  Notification,
  powerSaveBlocker: {
    start: (kind: string) => power.started.push(kind),
    stop: (id: number) => void power.stopped.push(id),
  },
  dialog: {
    showOpenDialog: answered,
    showSaveDialog: answered,
    showMessageBox: answered,
    showErrorBox: (title: string, content: string) => void errorBoxes.push({ title, content }),
  },
  shell: { showItemInFolder: (file: string) => void revealed.push(file) },
  utilityProcess: { fork: vi.fn() },
  session: { defaultSession: sessionDouble },
  ipcMain: { handle: (channel: string, handler: Handler) => void handlers.set(channel, handler) },
  protocol: {
    registerSchemesAsPrivileged: vi.fn(),
    handle: (scheme: string, handler: (request: Request) => Promise<Response>) =>
      void schemes.set(scheme, handler),
  },
  net: { fetch: (address: string) => Promise.resolve(new Response(`bytes of ${address}`)) },
  nativeTheme: { shouldUseDarkColors: false, themeSource: 'system' },
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
