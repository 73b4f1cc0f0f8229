/** The app as a command: which arguments mean it, and the built app run so, with Electron played by Node. */
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { builtEntry } from '../built'

vi.mock('electron', async () => (await import('./electron-double')).electron)
const { commandWords } = await import('../../src/main/terminal')
const { installedText, pathArguments } = await import('../../src/main/install-command')

const root = path.resolve(import.meta.dirname, '../..')
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-terminal-'))
afterAll(() => fs.rmSync(work, { recursive: true, force: true }))

test('a command is meant where the written file says so, whatever stands before it and behind it', () => {
  const words = ['compress', 'm.onnx', '--log-level', 'debug']
  expect(commandWords(['/opt/Pare/pare-desktop', '--cli', '--disable-gpu', '--', ...words], true)).toEqual(
    words,
  )
  // What the runner of an AppImage adds; a checkout names the app first.
  expect(commandWords(['/tmp/.mount/pare', '--no-sandbox', '--cli', '--'], true)).toEqual([])
  expect(commandWords(['electron', '.', '--cli', '--', '--', 'x'], false)).toEqual(['--', 'x'])
})

test('everything else means the window', () => {
  for (const given of [[], ['model.onnx'], ['--', '--cli'], ['model.onnx', '--cli', '--', 'x'], ['--flag']])
    expect(commandWords(['/opt/Pare/pare-desktop', ...given], true), given.join(' ')).toBeUndefined()
})

test('Windows is asked to look into the folder of the command, by one script', () => {
  const folder = path.join(root, 'resources', 'command')
  const given = pathArguments(folder)
  expect(given.slice(given.indexOf('-File'))).toEqual(['-File', path.join(folder, 'path.ps1'), 'add', folder])
  expect(fs.readFileSync(path.join(folder, 'path.ps1'), 'utf8')).toMatch(/\[ValidateSet\('add', 'remove'\)\]/)
})

test('a person is told what to type, or what is missing', () => {
  expect(installedText({ file: '/usr/bin/pare', found: true }).message).toContain('“pare”')
  expect(installedText({ file: '/h/pare', found: false, line: 'export PATH=1' }).detail).toMatch(
    /\/h\/pare[^]*\n\nexport PATH=1$/,
  )
})

let main: string
beforeAll(() => {
  main = builtEntry('main')
}, 120_000)

const args = (words: string[]): string[] => [
  '--import',
  path.join(import.meta.dirname, 'electron-in-node.mjs'),
  main,
  '--cli',
  '--disable-gpu',
  '--',
  ...words,
]
const asCommand = (...words: string[]) =>
  spawnSync(process.execPath, args(words), { encoding: 'utf8', cwd: work })

test('the app works from where the person stands, and ends with the command’s exit codes', () => {
  const sample = path.join(root, 'resources', 'samples', 'bearing')
  fs.copyFileSync(path.join(sample, 'cnn1d.onnx'), path.join(work, 'here.onnx'))
  const { status, stdout, stderr } = asCommand('inspect', 'here.onnx', '--json')
  expect([status, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toMatchObject({ bytes: fs.statSync(path.join(work, 'here.onnx')).size })
  expect(asCommand('inspect', 'absent.onnx').status).toBe(1)
  expect(asCommand('inspekt').status).toBe(2)
  const help = asCommand('--help')
  expect([help.status, help.stdout]).toEqual([0, expect.stringContaining('pare compress model.onnx')])
}, 120_000)

test.runIf(process.platform !== 'win32')(
  'a signal ends its work as cancelled',
  async () => {
    const child = spawn(process.execPath, args(['search', 'here.onnx', '--out', 'best', '--minutes', '5']), {
      cwd: work,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stderr.once('data', () => child.kill('SIGINT'))
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(130)
  },
  120_000,
)
