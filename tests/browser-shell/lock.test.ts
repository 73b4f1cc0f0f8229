import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { lockFolder } from '../../src/browser-shell/lock'
import { temporaryFolder } from '../engine/run/support'

const lockOf = (folder: string): string => path.join(folder, 'pare.lock')

test('a folder is had by one alone, and given back at the end', () => {
  const on = vi.spyOn(process, 'on')
  const folder = path.join(temporaryFolder(), 'made', 'for it')
  expect(lockFolder(folder)).toBe(true)
  expect(fs.readFileSync(lockOf(folder), 'utf8')).toBe(String(process.pid))
  const [event, end] = on.mock.calls.at(-1)!
  expect(event).toBe('exit')
  end()
  expect(fs.existsSync(lockOf(folder))).toBe(false)
  on.mockRestore()
})

test('one that is alive keeps its folder; one that is dead, or wrote no number, loses it', async () => {
  const folder = temporaryFolder()
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  fs.writeFileSync(lockOf(folder), String(other.pid))
  expect(lockFolder(folder)).toBe(false)
  expect(fs.readFileSync(lockOf(folder), 'utf8')).toBe(String(other.pid))
  const ended = new Promise((resolve) => other.on('close', resolve))
  other.kill('SIGKILL')
  await ended
  expect(lockFolder(folder)).toBe(true)
  for (const left of ['', 'not a number', '-1', '0']) {
    fs.writeFileSync(lockOf(folder), left)
    expect(lockFolder(folder), left).toBe(true)
  }
  fs.rmSync(lockOf(folder))
  fs.mkdirSync(lockOf(folder))
  expect(lockFolder(folder), 'a folder').toBe(true)
})

test('a process of somebody else is alive too', () => {
  const folder = temporaryFolder()
  fs.writeFileSync(lockOf(folder), '12345')
  const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error('not yours'), { code: 'EPERM' })
  })
  expect(lockFolder(folder)).toBe(false)
  kill.mockRestore()
})

test('a folder that cannot be written to is no folder that another has', () => {
  const folder = path.join(temporaryFolder(), 'file')
  fs.writeFileSync(folder, '')
  expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: 'disk/failed' }))
  const full = vi.spyOn(fs, 'writeFileSync').mockImplementation(() => {
    throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
  })
  expect(() => lockFolder(temporaryFolder())).toThrow(expect.objectContaining({ code: 'disk/full' }))
  full.mockRestore()
})

test('who comes between the look at a dead lock and its taking over keeps the folder', () => {
  const folder = temporaryFolder()
  fs.writeFileSync(lockOf(folder), String(spawnSync(process.execPath, ['-e', '']).pid))
  const rename = fs.renameSync.bind(fs)
  const between = vi.spyOn(fs, 'renameSync').mockImplementationOnce((from, to) => {
    fs.writeFileSync(lockOf(folder), String(process.ppid))
    rename(from, to)
  })
  expect(lockFolder(folder)).toBe(false)
  expect(fs.readFileSync(lockOf(folder), 'utf8')).toBe(String(process.ppid))
  expect(fs.readdirSync(folder)).toEqual(['pare.lock'])
  between.mockRestore()
})

test('a lock is whole from the moment it is there', () => {
  const folder = temporaryFolder()
  const seen: string[] = []
  const link = fs.linkSync.bind(fs)
  const spy = vi.spyOn(fs, 'linkSync').mockImplementation((from, to) => {
    expect(fs.existsSync(lockOf(folder))).toBe(false)
    link(from, to)
    seen.push(fs.readFileSync(lockOf(folder), 'utf8'))
  })
  expect(lockFolder(folder)).toBe(true)
  expect(seen).toEqual([String(process.pid)])
  spy.mockRestore()
})

test('a disk without hard links has locks all the same', () => {
  const none = vi.spyOn(fs, 'linkSync').mockImplementation(() => {
    throw Object.assign(new Error('no links here'), { code: 'ENOTSUP' })
  })
  const folder = temporaryFolder()
  expect(lockFolder(folder)).toBe(true)
  fs.writeFileSync(lockOf(folder), String(process.ppid))
  expect(lockFolder(folder)).toBe(false)
  none.mockRestore()
})
