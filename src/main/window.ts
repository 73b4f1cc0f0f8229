/** The one window: sandboxed, its place and size kept between starts. */
import { BrowserWindow, nativeTheme, screen } from 'electron'
import fs from 'node:fs'
import path from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { z } from 'zod'
import { inBackground } from '../service/background'
import { START_URL } from './protocol'

const WindowState = z.object({
  x: z.int().optional(),
  y: z.int().optional(),
  width: z.int().positive().default(1280),
  height: z.int().positive().default(800),
  maximized: z.boolean().default(false),
})
type WindowState = z.output<typeof WindowState>

const DEFAULT = WindowState.parse({})
/** The page's own, `--ground`, until it is there. */
export const GROUND = { light: '#f6f7f9', dark: '#0f1216' }
const SMALLEST = { minWidth: 800, minHeight: 560 }

/** The state kept last time; the default where it is unreadable or would lie outside every screen. */
export function readState(file: string): WindowState {
  let state: WindowState
  try {
    state = WindowState.parse(JSON.parse(fs.readFileSync(file, 'utf8')))
  } catch {
    return DEFAULT
  }
  const { x, y, width, height } = state
  if (x === undefined || y === undefined) return state
  const visible = screen
    .getAllDisplays()
    .some(({ bounds: b }) => x < b.x + b.width && x + width > b.x && y < b.y + b.height && y + height > b.y)
  return visible ? state : { ...DEFAULT, width, height }
}

export function openWindow(options: { preload: string; stateFile: string; icon?: string }): BrowserWindow {
  const { maximized, ...bounds } = readState(options.stateFile)
  const window = new BrowserWindow({
    ...bounds,
    ...SMALLEST,
    show: false,
    title: 'Pare',
    icon: options.icon,
    backgroundColor: nativeTheme.shouldUseDarkColors ? GROUND.dark : GROUND.light,
    webPreferences: {
      preload: path.resolve(options.preload),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      spellcheck: false,
    },
  })
  if (maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  window.on('close', () => {
    const state: WindowState = { ...window.getNormalBounds(), maximized: window.isMaximized() }
    try {
      writeFileAtomic.sync(options.stateFile, JSON.stringify(state))
    } catch (cause) {
      // On a full disk the window opens where it did before.
      console.error('Pare could not keep the place of its window:', cause)
    }
  })
  inBackground(window.loadURL(START_URL), 'loading the window')
  return window
}
