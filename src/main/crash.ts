/** What is there when the page is not: a page that says what happened, with the log, and the way back. */
import { app, dialog, type BrowserWindow } from 'electron'
import os from 'node:os'
import { inBackground } from '../service/background'
import { START_URL } from './protocol'

const CRASH_URL = new URL('crash', START_URL).href

/** So many lines tell what led to it. */
const KEPT = 200

export class Log {
  private lines: string[] = []

  add(text: string): void {
    this.lines = [...this.lines, `${new Date().toISOString()} ${text}`].slice(-KEPT)
  }

  toString = (): string => this.lines.join('\n')
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[one]!)

/** Without a script, and without anything of the page that broke. */
export const crashPage = (log: Log): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pare</title>
<link rel="stylesheet" href="crash.css">
<main>
<h1>The window stopped</h1>
<p>Your models, data and everything finished are safe: they are on disk, and a run goes on by itself.</p>
<p><a href="${START_URL}">Open the window again</a></p>
<h2>What led to it</h2>
<p>For a report of the fault; it stays on this machine. A click selects all of it.</p>
<pre>${escaped(`Pare ${app.getVersion()}, Electron ${process.versions.electron ?? ''}, ${os.platform()} ${os.release()} ${os.arch()}\n${log.toString()}`)}</pre>
</main>
</html>
`

export const CRASH_STYLE = `
:root { color-scheme: light dark; }
body { margin: 0; background: light-dark(#f6f7f9, #0f1216); color: light-dark(#14181e, #eceff3);
  font: 14px/1.5 system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif; }
main { max-width: 48rem; margin: 0 auto; padding: 64px 32px; }
h1 { margin: 0 0 8px; font-size: 32px; letter-spacing: -0.03em; line-height: 1.1; }
h2 { margin: 32px 0 0; font-size: 16px; }
a { display: inline-block; padding: 8px 20px; border-radius: 8px; background: light-dark(#2f4fc4, #91a8ff);
  color: light-dark(#fff, #10162c); font-weight: 500; text-decoration: none; }
pre { padding: 16px; border-radius: 8px; background: light-dark(#eef0f4, #181c22); white-space: pre-wrap;
  overflow-wrap: anywhere; user-select: all; font: 12px/1.5 ui-monospace, monospace; }
`

/** Shows the page of a crash where the window's own ended, and asks where it hangs. */
export function recover(window: BrowserWindow, log: Log): void {
  const { webContents } = window
  webContents.on('console-message', ({ level, message }) => {
    if (level === 'error' || level === 'warning') log.add(`page, ${level}: ${message}`)
  })
  webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit') return
    log.add(`The page's process ended: ${reason}, code ${exitCode}`)
    if (!window.isDestroyed()) inBackground(window.loadURL(CRASH_URL), 'showing what happened')
  })
  window.on('unresponsive', () => {
    log.add('The page does not answer')
    inBackground(askOfHanging(window), 'asking about a window that hangs')
  })
}

async function askOfHanging(window: BrowserWindow): Promise<void> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'warning',
    message: 'The window does not answer.',
    detail: 'Runs go on meanwhile. Opening the window again loses nothing that is finished.',
    buttons: ['Wait', 'Open it again'],
    defaultId: 0,
    cancelId: 0,
  })
  // Its end is told by `render-process-gone`, which shows the page above.
  if (response === 1) window.webContents.forcefullyCrashRenderer()
}
