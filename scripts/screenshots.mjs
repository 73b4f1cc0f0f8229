/** `npm run screenshots`: builds, drives the window through every step and keeps the pictures in screenshots/. */
import { spawnSync } from 'node:child_process'
import { ensureBrowser } from './browser.mjs'
import { ensureBuilt, root } from './build.mjs'

ensureBuilt()
const { status } = spawnSync('npx', ['playwright', 'test', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: { ...process.env, PARE_SCREENSHOTS: '1', PARE_BROWSER: await ensureBrowser() },
})
process.exit(status ?? 1)
