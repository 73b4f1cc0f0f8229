/**
 * Electron as far as the command needs it, on plain Node: `node --import THIS out/main/main.js --cli -- …`. The engine
 * is started as `utilityProcess` starts it: without a Node of its own to run, by its file alone.
 */
import { fork } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { register } from 'node:module'

const app = Object.assign(new EventEmitter(), {
  isPackaged: false,
  getAppPath: () => process.argv[1],
  getPath: (name) => `/not/used/${name}`,
  setPath: () => undefined,
  whenReady: () => Promise.resolve(),
  disableHardwareAcceleration: () => undefined,
  commandLine: { appendSwitch: () => undefined },
  requestSingleInstanceLock: () => {
    throw new Error('a command asks for no lock: the window may be open')
  },
  exit: (code) => process.exit(code),
  quit: () => process.exit(99),
})

const utilityProcess = {
  fork(file, args, { env, execArgv, cwd }) {
    const child = fork(file, args, { env, execArgv, cwd, serialization: 'advanced', silent: true })
    const utility = new EventEmitter()
    child.on('message', (message) => utility.emit('message', message))
    child.on('exit', (code) => utility.emit('exit', code ?? 9))
    return Object.assign(utility, {
      pid: child.pid,
      stdout: child.stdout,
      stderr: child.stderr,
      postMessage: (message) => child.send(message),
      kill: () => child.kill(),
    })
  },
}

class BrowserWindow {
  constructor() {
    throw new Error('a command opens no window')
  }
}

globalThis.electronInNode = { app, utilityProcess, BrowserWindow }
const others =
  'dialog session Notification powerSaveBlocker ipcMain Menu net protocol nativeTheme screen shell'.split(' ')
const source = [
  'export const { app, utilityProcess, BrowserWindow } = globalThis.electronInNode',
  ...others.map((name) => `export const ${name} = undefined`),
].join('\n')
const url = JSON.stringify(`data:text/javascript,${encodeURIComponent(source)}`)
const hook = `export const resolve = (name, at, next) => name === 'electron' ? { url: ${url}, shortCircuit: true } : next(name, at)`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
