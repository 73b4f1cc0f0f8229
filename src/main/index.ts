/** Electron's main process: it hosts the service and shows the window. */
import { app, BrowserWindow, dialog, nativeTheme, session, shell } from 'electron'
import path from 'node:path'
import type { Events } from '../contract/app'
import { errorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import { createService, type Service } from '../service'
import { inBackground } from '../service/background'
import { Attention } from './attention'
import { crashPage, CRASH_STYLE, Log, recover } from './crash'
import { nativeHost } from './dialogs'
import { keepDownloads } from './downloads'
import { forkUtility } from './engine-process'
import { offerCommand } from './install-command'
import { answerWindow, tell } from './ipc'
import { installMenu } from './menu'
import { filesAmong, remember } from './opened-files'
import { declareProtocol, serveRenderer } from './protocol'
import { releasesPage } from './releases'
import { enforceOffline, silenceChromium } from './security'
import { commandWords, runInTerminal } from './terminal'
import { openWindow } from './window'

const out = path.resolve(import.meta.dirname, '..')
/** Processes are started from plain files: the archive keeps them unpacked beside itself. */
const unpacked = (...parts: string[]): string =>
  path.join(out, ...parts).replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked')
const resources = app.isPackaged
  ? path.join(process.resourcesPath, 'resources')
  : path.resolve(out, '../resources')
const icon = path.join(resources, 'icons', 'icon.png')
const worker = unpacked('main', 'worker.js')

let window: BrowserWindow | undefined
let service: Service | undefined
const log = new Log()
/** Files handed over before the window could take them. */
const early: string[] = []

async function take(files: readonly string[]): Promise<void> {
  if (files.length === 0) return
  if (!service || !window) return void early.push(...files)
  const refs = await Promise.all(files.map((file) => service!.adoptPath(file)))
  tell(window, 'files.opened', { files: refs })
  remember(files)
  comeForward()
}

function comeForward(): void {
  if (window?.isMinimized()) window.restore()
  window?.focus()
}

function show(): void {
  window = openWindow({
    preload: path.join(out, 'preload', 'index.cjs'),
    stateFile: path.join(app.getPath('userData'), 'window.json'),
    icon,
  })
  recover(window, log)
  window.on('closed', () => (window = undefined))
  window.webContents.once('did-finish-load', () => inBackground(take(early.splice(0)), 'opening files'))
}

function start(): void {
  enforceOffline()
  keepDownloads(session.defaultSession)
  serveRenderer(path.join(out, 'renderer'), {
    crash: () => ({ type: 'text/html', text: crashPage(log) }),
    'crash.css': () => ({ type: 'text/css', text: CRASH_STYLE }),
  })
  const started = createService({
    dataDir: path.join(app.getPath('userData'), 'data'),
    resourcesDir: resources,
    engine: (limits) => forkUtility(worker, limits),
    shell: 'electron',
    host: nativeHost(() => window, icon),
  })
  service = started
  const attention = new Attention(
    () => window,
    async () => (await started.invoke('settings.get', undefined)).notifications,
  )
  /** Frames, menus and dialogs of the system follow what is set for the page. */
  const dress = async (): Promise<void> => {
    nativeTheme.themeSource = (await started.invoke('settings.get', undefined)).theme
  }
  inBackground(dress(), 'setting the theme')
  started.onAny((event, data) => {
    tell(window, event, data)
    attention.hear(event, data)
    if (event === 'settings.changed') inBackground(dress(), 'setting the theme')
    if (event === 'engine.restarted')
      log.add(`The engine ended: ${(data as Events['engine.restarted']).reason}`)
  })
  answerWindow(started)
  const releases = releasesPage(app.getAppPath())
  installMenu((action) => tell(window, 'menu.action', { action }), {
    installCommand: () =>
      inBackground(
        offerCommand(path.join(resources, 'command'), () => window),
        'installing the command',
      ),
    ...(releases && {
      showReleases: () => inBackground(shell.openExternal(releases), 'opening the releases'),
    }),
  })
  early.push(...filesAmong(process.argv, process.cwd(), app.getAppPath()))
  show()
}

/** By these names the system joins notifications, jump list and progress with the installed app; as electron-builder.yml. */
function nameApp(platform: NodeJS.Platform): void {
  if (platform === 'win32') app.setAppUserModelId('app.pare.desktop')
  if (platform === 'linux') app.setDesktopName('pare-desktop.desktop')
}

/** Without its folder Pare can do nothing: that is said, and it ends. */
function startOrSay(): void {
  try {
    start()
  } catch (cause) {
    const { title, what, todo } = errorMessage(errorData(cause))
    dialog.showErrorBox(`Pare cannot start: ${title}`, `${what} ${todo}`)
    app.exit(1)
  }
}

function openAsWindow(): void {
  // The last resort: whatever slips through ends nobody's work.
  for (const slip of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(slip, (cause: unknown) => {
      log.add(`${slip}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`)
      console.error('Pare goes on after a fault of its own:', cause)
    })
  if (!app.requestSingleInstanceLock()) return app.quit()
  nameApp(process.platform)
  silenceChromium()
  declareProtocol()
  app.on('second-instance', (_event, argv, folder) => {
    comeForward()
    inBackground(take(filesAmong(argv, folder, app.getAppPath())), 'opening files')
  })
  app.on('open-file', (event, file) => {
    event.preventDefault()
    inBackground(take([file]), 'opening a file')
  })
  app.on('activate', () => {
    if (service && BrowserWindow.getAllWindows().length === 0) show()
  })
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  app.on('before-quit', () => void service?.close())
  inBackground(app.whenReady().then(startOrSay), 'starting')
}

const words = commandWords(process.argv, app.isPackaged)
if (words) inBackground(runInTerminal(words, { worker, resourcesDir: resources }), 'running the command')
else openAsWindow()
