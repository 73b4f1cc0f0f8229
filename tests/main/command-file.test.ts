/** The file by which a terminal finds the desktop app: run by a shell, with a stand-in for the app. */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { PareError } from '../../src/contract/errors'
import { batchCommand, installCommand, shellCommand } from '../../src/main/command-file'

const root = path.resolve(import.meta.dirname, '../..')
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-command-'))
afterAll(() => fs.rmSync(work, { recursive: true, force: true }))

const posix = process.platform !== 'win32'
const app = path.join(work, "the app's place", 'Pare')
const home = path.join(work, 'home')
const bin = path.join(home, '.local', 'bin')

beforeEach(() => {
  fs.rmSync(home, { recursive: true, force: true })
  fs.mkdirSync(path.dirname(app), { recursive: true })
  // Says what it was started with, one argument a line, and ends as it is told.
  fs.writeFileSync(app, '#!/bin/sh\nprintf "%s\\n" "$@"\nexit 3\n', { mode: 0o755 })
})

test.runIf(posix)('the written command starts the app with the words as they were typed', () => {
  const { file } = installCommand('linux', app, { home })
  expect(file).toBe(path.join(bin, 'pare'))
  const words = ['compress', "a model's.onnx", '--log-level', 'debug', '', '$HOME', '*']
  const { stdout, status } = spawnSync(file, words, { encoding: 'utf8', cwd: work })
  const told = stdout.split('\n').slice(0, -1)
  const end = told.indexOf('--')
  expect(told.slice(0, end)).toContain('--cli')
  expect(told.slice(0, end).every((one) => one.startsWith('--'))).toBe(true)
  expect(told.slice(end + 1)).toEqual(words)
  expect(status).toBe(3)
})

test.runIf(posix)('an app that has gone elsewhere is said, not only not found', () => {
  const { file } = installCommand('darwin', app, { home }, [bin])
  fs.rmSync(app)
  const { stderr, status } = spawnSync(file, ['--help'], { encoding: 'utf8' })
  expect(status).toBe(127)
  expect(stderr).toContain(`no longer at ${app}`)
})

test('what terminals do not look into is said with the line that makes them', () => {
  const first = installCommand('linux', app, { home, PATH: '/usr/bin' })
  expect(first).toMatchObject({ found: false, line: `export PATH='${bin}':"$PATH"` })
  expect(installCommand('linux', app, { home, PATH: `/usr/bin:${bin}` })).toEqual({
    file: path.join(bin, 'pare'),
    found: true,
  })
})

test('a command that a package brought stays the one there is', () => {
  const packaged = path.join(work, 'usr-bin')
  fs.mkdirSync(packaged, { recursive: true })
  fs.writeFileSync(path.join(packaged, 'pare'), shellCommand('linux', app))
  const { file, found } = installCommand('linux', app, { home, PATH: packaged })
  expect([file, found]).toEqual([path.join(packaged, 'pare'), true])
  expect(fs.existsSync(bin)).toBe(false)
})

test('one of an earlier place is replaced, another program of that name is not', () => {
  installCommand('linux', '/old/place/pare-desktop', { home })
  installCommand('linux', app, { home })
  expect(fs.readFileSync(path.join(bin, 'pare'), 'utf8')).toBe(shellCommand('linux', app))
  fs.writeFileSync(path.join(bin, 'pare'), '#!/usr/bin/env node\n')
  expect(() => installCommand('linux', app, { home })).toThrow(PareError)
  expect(fs.readFileSync(path.join(bin, 'pare'), 'utf8')).toBe('#!/usr/bin/env node\n')
})

test('where the first folder takes nothing the next one does', () => {
  const shut = path.join(work, 'not-there', 'bin')
  const { file } = installCommand('darwin', app, { home }, [shut, bin])
  expect(file).toBe(path.join(bin, 'pare'))
  expect(() => installCommand('darwin', app, { home }, [shut])).toThrow(PareError)
})

test('what installers bring is what the app would write', () => {
  // Where Linux packages put the app: by `productName` and `executableName`.
  const settings = fs.readFileSync(path.join(root, 'electron-builder.yml'), 'utf8')
  const named = (key: string): string => new RegExp(`^ *${key}: (.+)$`, 'm').exec(settings)![1]!
  const packaged = `/opt/${named('productName')}/${named('executableName')}`
  const brought = (name: string): string =>
    fs.readFileSync(path.join(root, 'resources', 'command', name), 'utf8')
  expect(brought('pare')).toBe(shellCommand('linux', packaged))
  expect(brought('pare.cmd')).toBe(batchCommand())
  expect(settings.match(/fpm: \['resources\/command\/pare=\/usr\/bin\/pare'\]/g)).toHaveLength(2)
  expect(batchCommand()).toMatch(/\r\n"%~dp0..\\..\\..\\Pare\.exe" --cli [^\r]*-- %\*\r\n/)
})

test.runIf(posix)('the command of packages is one that a shell can read', () => {
  execFileSync('sh', ['-n', path.join(root, 'resources/command/pare')])
  expect(fs.statSync(path.join(root, 'resources/command/pare')).mode & 0o111).toBe(0o111)
})

const nsis = spawnSync('makensis', ['-VERSION']).status === 0

test.runIf(nsis)('the page of the Windows installer compiles, in installer and uninstaller', () => {
  // What electron-builder has around it: the mode of installation, and Modern UI.
  const script = (uninstaller: boolean): string => `
${uninstaller ? '!define BUILD_UNINSTALLER' : ''}
!include "${path.join(root, 'resources/command/installer.nsh')}"
!include MUI2.nsh
Name Pare
OutFile "${path.join(work, 'pare-0.1.0.exe')}"
InstallDir "$TEMP\\Pare"
Var installMode
${uninstaller ? '' : '!insertmacro customPageAfterChangeDir'}
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English
Section
  StrCpy $installMode all
  ${uninstaller ? '' : '!insertmacro customInstall'}
  WriteUninstaller "$INSTDIR\\uninstall.exe"
SectionEnd
Section un.install
  !insertmacro customUnInstall
SectionEnd
`
  for (const uninstaller of [false, true]) {
    const { status, stdout } = spawnSync('makensis', ['-WX', '-V2', '-INPUTCHARSET', 'UTF8', '-'], {
      input: `Unicode true\n${script(uninstaller)}`,
      encoding: 'utf8',
    })
    expect(stdout).not.toMatch(/error|warning/i)
    expect(status, stdout).toBe(0)
  }
})
