/** Finds a Chromium-based browser for the e2e tests, or installs one by the means the machine has. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { Launcher } from 'chrome-launcher'

const DEBIAN_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/microsoft-edge',
]

async function playwrightOwn() {
  const { chromium } = await import('@playwright/test')
  const file = chromium.executablePath()
  return file && fs.existsSync(file) ? file : undefined
}

async function installed() {
  const named = process.env.PARE_BROWSER
  if (named) return named
  const place = DEBIAN_PLACES.find((file) => fs.existsSync(file))
  if (place) return place
  let found = []
  try {
    found = Launcher.getInstallations()
  } catch {
    // It throws where it finds none.
  }
  return found[0] ?? (await playwrightOwn())
}

const works = (command, args) => spawnSync(command, args, { stdio: 'inherit' }).status === 0

/** Path of a browser. Throws a sentence that says what to do where none can be had. */
export async function ensureBrowser() {
  const found = await installed()
  if (found) return found
  const root = process.getuid?.() === 0
  if (root && fs.existsSync('/usr/bin/apt-get')) {
    works('apt-get', ['update', '-qq'])
    works('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'])
  } else works('npx', ['playwright', 'install', 'chromium'])
  const now = await installed()
  if (!now)
    throw new Error(
      'No browser for the e2e tests: install Chrome, Chromium or Edge, or set PARE_BROWSER to one.',
    )
  return now
}

if (process.argv[1] === import.meta.filename) console.log(await ensureBrowser())
