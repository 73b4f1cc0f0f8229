/**
 * `npm start`: the window. Electron where its binary is there or can be fetched, else the browser shell.
 * Without a display the built-in sample is compressed in the terminal. With arguments it is the command line.
 */
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { ensureBuilt, root } from './build.mjs'
import { goToCaller } from './caller.mjs'

const FETCH_LIMIT_MS = 60_000

const hasDisplay = () =>
  process.platform === 'win32' ||
  process.platform === 'darwin' ||
  Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)

/** Path of the Electron binary, fetching it once where the network allows; undefined where it cannot be had. */
function electronBinary() {
  const home = path.join(root, 'node_modules', 'electron')
  const pointer = path.join(home, 'path.txt')
  const present = () => {
    const file = fs.existsSync(pointer) && path.join(home, 'dist', fs.readFileSync(pointer, 'utf8'))
    return file && fs.existsSync(file) ? file : undefined
  }
  if (present() || !fs.existsSync(home)) return present()
  spawnSync(process.execPath, [path.join(home, 'install.js')], { stdio: 'ignore', timeout: FETCH_LIMIT_MS })
  return present()
}

const run = (command, args) => {
  const child = spawn(command, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 130 : 1)))
}

const args = process.argv.slice(2)
const built = (name) => path.join(root, 'out', 'main', name)

if (args.length > 0) {
  ensureBuilt()
  goToCaller()
  run(process.execPath, [built('cli.js'), ...args])
} else {
  console.log('Pare: preparing …')
  ensureBuilt()
  if (!hasDisplay() && !process.env.PARE_NO_OPEN) {
    console.log(
      'No display here, so Pare compresses its built-in sample in the terminal instead of opening the window.',
    )
    run(process.execPath, [built('cli.js'), 'sample'])
  } else {
    const electron = process.env.PARE_SHELL === 'browser' ? undefined : electronBinary()
    if (electron) run(electron, [root])
    else {
      console.log(
        'Electron is not installed and cannot be fetched here: opening Pare in a browser window instead.',
      )
      run(process.execPath, [built('browser-shell.js')])
    }
  }
}
