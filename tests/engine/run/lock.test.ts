import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { locked } from '../../../src/engine/run/lock'

let folder: string
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-lock-'))))
afterEach(() => fs.rmSync(folder, { recursive: true }))

const holdBy = (pid: number, host = os.hostname()): void =>
  fs.writeFileSync(
    path.join(folder, 'lock.json'),
    JSON.stringify({ pid, host, since: '2026-01-02T03:04:05Z' }),
  )

test('is there while the work lasts, and gone after it, also when it fails', async () => {
  const file = path.join(folder, 'lock.json')
  expect(await locked(folder, async () => fs.existsSync(file))).toBe(true)
  expect(fs.existsSync(file)).toBe(false)
  await expect(locked(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(fs.existsSync(file)).toBe(false)
})

test('a run that lives keeps others out, with who and since when', async () => {
  const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
  holdBy(other.pid!)
  await expect(locked(folder, async () => 1)).rejects.toMatchObject({
    code: 'run/busy',
    data: { holder: `process ${other.pid} on ${os.hostname()}`, since: '2026-01-02T03:04:05Z' },
  })
  other.kill()
})

test('what cannot be asked counts as alive', async () => {
  holdBy(1, 'another-machine')
  await expect(locked(folder, async () => 1)).rejects.toMatchObject({ code: 'run/busy' })
})

test('what a killed run had half written is gone when another takes its place', async () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  const mine = path.join(folder, 'candidates', '1', `model.onnx.${process.pid}.tmp`)
  const half = [
    path.join(folder, `run.json.${dead}.tmp`),
    path.join(folder, 'candidates', '1', `model.onnx.${dead}.tmp`),
  ]
  fs.mkdirSync(path.dirname(mine), { recursive: true })
  for (const file of [mine, ...half]) fs.writeFileSync(file, 'half')
  holdBy(dead)
  await locked(folder, async () => undefined)
  expect(half.filter((file) => fs.existsSync(file))).toEqual([])
  expect(fs.existsSync(mine)).toBe(true)
})

test('a dead process, or a damaged lock, gives way', async () => {
  holdBy(spawnSync(process.execPath, ['-e', '']).pid)
  expect(await locked(folder, async () => 'mine')).toBe('mine')
  fs.writeFileSync(path.join(folder, 'lock.json'), '{"pid":')
  expect(await locked(folder, async () => 'mine')).toBe('mine')
  fs.mkdirSync(path.join(folder, 'lock.json'))
  expect(await locked(folder, async () => 'mine')).toBe('mine')
})

test('what a process that was killed while it took the lock left is gone; of another machine nobody knows', async () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  const text = (host: string): string => JSON.stringify({ pid: dead, host, since: new Date().toISOString() })
  for (const name of [`lock.json.${dead}.tmp`, `lock.json.old.${dead}.tmp`])
    fs.writeFileSync(path.join(folder, name), text(os.hostname()))
  fs.writeFileSync(path.join(folder, `lock.json.${dead + 1}.tmp`), text('elsewhere'))
  await locked(folder, async () => undefined)
  expect(fs.readdirSync(folder)).toEqual([`lock.json.${dead + 1}.tmp`])
})

test('of a folder that others write to as well, only what the dead process wrote is cleared', async () => {
  const shared = path.join(folder, 'shared', 'trials')
  fs.mkdirSync(shared, { recursive: true })
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  const another = dead + 1
  for (const pid of [dead, another]) fs.writeFileSync(path.join(shared, `a.onnx.${pid}.tmp`), 'half')
  const mine = path.join(folder, 'work')
  fs.mkdirSync(mine)
  const holder = { pid: dead, host: os.hostname(), since: new Date().toISOString() }
  fs.writeFileSync(path.join(mine, 'lock.json'), JSON.stringify(holder))
  await locked(mine, async () => undefined, path.join(folder, 'shared'))
  expect(fs.readdirSync(shared)).toEqual([`a.onnx.${another}.tmp`])
})

const bySomeoneAlive = (more: object): void =>
  fs.writeFileSync(
    path.join(folder, 'lock.json'),
    JSON.stringify({ pid: process.ppid, host: os.hostname(), since: new Date().toISOString(), ...more }),
  )

test('a process from before the machine was started anew is another one now', async () => {
  bySomeoneAlive({})
  await expect(locked(folder, async () => 1)).rejects.toMatchObject({ code: 'run/busy' })
  bySomeoneAlive({ uptime: os.uptime() + 3600 })
  expect(await locked(folder, async () => 'mine')).toBe('mine')
  bySomeoneAlive({ boot: 'another start' })
  const told = fs.existsSync('/proc/sys/kernel/random/boot_id') ? 'mine' : undefined
  expect(await locked(folder, async () => 'mine').catch(() => undefined)).toBe(told)
})

test('who comes between the look at a dead lock and its taking over keeps the folder', async () => {
  holdBy(spawnSync(process.execPath, ['-e', '']).pid)
  const rename = fs.renameSync.bind(fs)
  const between = vi.spyOn(fs, 'renameSync').mockImplementationOnce((from, to) => {
    bySomeoneAlive({})
    rename(from, to)
  })
  await expect(locked(folder, async () => 1)).rejects.toMatchObject({ code: 'run/busy' })
  expect(fs.readdirSync(folder)).toEqual(['lock.json'])
  between.mockRestore()
})

test('a disk without hard links has locks all the same', async () => {
  const none = vi.spyOn(fs, 'linkSync').mockImplementation(() => {
    throw Object.assign(new Error('no links here'), { code: 'EPERM' })
  })
  const inside = await locked(folder, async () => fs.readFileSync(path.join(folder, 'lock.json'), 'utf8'))
  expect(JSON.parse(inside)).toMatchObject({ pid: process.pid })
  none.mockRestore()
})
