/** Shows an address: in an app window of an installed Chrome, Chromium or Edge, else in the default browser. */
import { spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
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

/** How long a started browser may take until its page has connected. */
const PATIENCE_MS = 30_000

/** Settles when the browser could not start; one that is running already takes the address over and ends with 0. */
const failed = (child: ChildProcess): Promise<'failed'> =>
  new Promise((resolve) => {
    child.once('error', () => resolve('failed'))
    child.once('exit', (code) => {
      if (code !== 0) resolve('failed')
    })
  })

/** The browser itself asks nobody anything in this profile: what is not this machine has no address there. */
const SILENT = [
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
  '--no-proxy-server',
  '--no-pings',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-sync',
]

function appWindow(browser: string, address: string, profile: string): ChildProcess {
  const args = [
    `--app=${address}`,
    `--user-data-dir=${profile}`,
    '--no-first-run',
    '--no-default-browser-check',
    ...SILENT,
    '--window-size=1280,820',
  ]
  const child = spawn(browser, args, { stdio: 'ignore', detached: true })
  child.unref()
  return child
}

/**
 * Resolves to true once `connected` has, for only the page itself proves that it is seen; to false where nothing
 * could be opened, or has not connected in half a minute, and the address must be printed.
 */
export async function showWindow(
  address: string,
  profile: string,
  connected: Promise<unknown>,
): Promise<boolean> {
  const browser = installedBrowser()
  const ways = [...(browser ? [() => appWindow(browser, address, profile)] : []), () => open(address)]
  for (const launch of ways) {
    try {
      const child = await launch()
      const outcome = await Promise.race([
        connected,
        failed(child),
        setTimeout(PATIENCE_MS, 'silent' as const, { ref: false }),
      ])
      if (outcome !== 'failed') return outcome !== 'silent'
    } catch {
      // The next way may work.
    }
  }
  return false
}
