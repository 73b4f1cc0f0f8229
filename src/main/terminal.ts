/**
 * The app's other way to start: as the `pare` command in a terminal, without a window. Electron's own switch for running
 * plain Node is fused off, so that nobody can run other code by this binary; this way runs Pare's commands alone.
 */
import { app } from 'electron'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { COMMAND_SWITCH } from './command-file'
import { forkUtility } from './engine-process'
import { silenceChromium } from './security'

/**
 * What was typed after `pare`; undefined where a window is meant. Switches come first, then `--`, where Chromium stops
 * reading, then the words: names of Pare's options are names of Chromium's too.
 */
export function commandWords(argv: readonly string[], packaged: boolean): string[] | undefined {
  const given = argv.slice(packaged ? 1 : 2)
  const end = given.indexOf('--')
  const switches = end < 0 ? given : given.slice(0, end)
  if (!switches.includes(COMMAND_SWITCH) || !switches.every((one) => one.startsWith('-'))) return undefined
  return end < 0 ? [] : given.slice(end + 1)
}

/** Ends the process with the command's exit code. */
export async function runInTerminal(
  words: readonly string[],
  { worker, resourcesDir }: { worker: string; resourcesDir: string },
): Promise<void> {
  silenceChromium()
  app.disableHardwareAcceleration()
  // What Chromium keeps is locked by a window that is open; a command has nothing to keep.
  const chromium = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-command-'))
  app.setPath('sessionData', chromium)
  app.dock?.hide()
  let code = 1
  try {
    await app.whenReady()
    // Electron ends an app that is told to by a signal; a command ends by itself then, and says that it was cancelled.
    app.on('before-quit', (event) => {
      event.preventDefault()
      process.emit('SIGTERM')
    })
    const { runCommand } = await import('../cli/program')
    code = await runCommand(words, {
      start: (limits) => forkUtility(worker, limits),
      resourcesDir,
      openWindow,
    })
    await Promise.all([process.stdout, process.stderr].map(flushed))
  } finally {
    removeQuietly(chromium)
    app.exit(code)
  }
}

const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => void stream.write('', () => resolve()))

/** Windows may hold files of a process that still runs: then the system's own cleaning takes them. */
function removeQuietly(folder: string): void {
  try {
    fs.rmSync(folder, { recursive: true, force: true })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
  }
}

/** The app as a process of its own; one that is open already comes to the front. */
function openWindow(): Promise<void> {
  const args = app.isPackaged ? [] : [app.getAppPath()]
  const child = spawn(executable(), args, { detached: true, stdio: 'ignore' })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
  })
}

/** An AppImage runs from a place that is gone when it ends; the file itself stays. */
export const executable = (): string => process.env.APPIMAGE ?? process.execPath
