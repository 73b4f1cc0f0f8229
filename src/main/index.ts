/** Electron's main process: it hosts the service and shows the window. */
import { app, BrowserWindow, dialog, session, shell } from 'electron'
import path from 'node:path'
import { errorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import { createService, type Service } from '../service'
import { inBackground } from '../service/background'
import { Attention } from './attention'
import { nativeHost } from './dialogs'
import { keepDownloads } from './downloads'
import { forkUtility } from './engine-process'
import { offerCommand } from './install-command'
import { answerWindow, tell } from './ipc'
import { installMenu } from './menu'
import { filesAmong } from './opened-files'
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
const worker = unpacked('main', 'worker.js')

let window: BrowserWindow | undefined
let service: Service | undefined
/** Files handed over before the window could take them. */
const early: string[] = []

async function take(files: readonly string[]): Promise<void> {
  if (files.length === 0) return
  if (!service || !window) return void early.push(...files)
  const refs = await Promise.all(files.map((file) => service!.adoptPath(file)))
  tell(window, 'files.opened', { files: refs })
  for (const file of files) app.addRecentDocument(file)
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
    icon: path.join(resources, 'icons', 'icon.png'),
  })
  window.on('closed', () => (window = undefined))
  window.webContents.once('did-finish-load', () => inBackground(take(early.splice(0)), 'opening files'))
}

function start(): void {
  enforceOffline()
  keepDownloads(session.defaultSession)
  serveRenderer(path.join(out, 'renderer'))
  const started = createService({
    dataDir: path.join(app.getPath('userData'), 'data'),
    resourcesDir: resources,
    engine: (limits) => forkUtility(worker, limits),
    shell: 'electron',
    host: nativeHost(() => window),
  })
  service = started
  const attention = new Attention(
    () => window,
    async () => (await started.invoke('settings.get', undefined)).notifications,
  )
  started.onAny((event, data) => {
    tell(window, event, data)
    attention.hear(event, data)
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
    process.on(slip, (cause) => console.error('Pare goes on after a fault of its own:', cause))
  if (!app.requestSingleInstanceLock()) return app.quit()
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
