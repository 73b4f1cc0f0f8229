/** Shows an address: in an app window of an installed Chrome, Chromium or Edge, else in the default browser. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Launcher } from 'chrome-launcher'
import open from 'open'

const EDGE: Partial<Record<NodeJS.Platform, string[]>> = {
  win32: [process.env['ProgramFiles(x86)'], process.env.ProgramFiles].flatMap((root) =>
    root ? [path.join(root, 'Microsoft', 'Edge', 'Application', 'msedge.exe')] : [],
  ),
  darwin: ['/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge'],
  linux: ['/usr/bin/microsoft-edge', '/usr/bin/microsoft-edge-stable'],
}

function installedBrowser(): string | undefined {
  const chrome = ((): string | undefined => {
    try {
      return Launcher.getFirstInstallation()
    } catch {
      return undefined
    }
  })()
  return chrome ?? EDGE[process.platform]?.find((file) => fs.existsSync(file))
}

/** Resolves to true when it stays open for a moment: a browser that cannot start ends at once. */
function startsWell(command: string, args: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true })
    child.unref()
    const timer = setTimeout(() => resolve(true), 1500)
    child.once('error', () => resolve(false))
    child.once('exit', (code) => {
      clearTimeout(timer)
      // A browser that is running already takes the address over and ends with 0.
      resolve(code === 0)
    })
  })
}

/** Resolves to false where nothing could be opened and the address must be printed. */
export async function showWindow(address: string, profile: string): Promise<boolean> {
  const browser = installedBrowser()
  const args = [
    `--app=${address}`,
    `--user-data-dir=${profile}`,
    '--no-first-run',
    '--no-default-browser-check',
    '--window-size=1280,820',
  ]
  if (browser && (await startsWell(browser, args))) return true
  try {
    const child = await open(address)
    return await new Promise((resolve) => {
      child.once('error', () => resolve(false))
      setTimeout(() => resolve(child.exitCode === null || child.exitCode === 0), 1000)
    })
  } catch {
    return false
  }
}
