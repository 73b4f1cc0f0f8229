/** The engine process is told to be silent before a line of it has run, under either shell. */
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { TELEMETRY_OFF } from '../../src/contract/telemetry'
import { electron } from './electron-double'

vi.mock('electron', async () => (await import('./electron-double')).electron)
const { forkUtility } = await import('../../src/main/engine-process')
const { forkEngine } = await import('../../src/service/engine-process')

test('as a utility process of Electron', () => {
  electron.utilityProcess.fork.mockReturnValue(new EventEmitter())
  forkUtility('/app/worker.js', {})
  expect(electron.utilityProcess.fork).toHaveBeenCalledWith(
    '/app/worker.js',
    [],
    expect.objectContaining({ env: expect.objectContaining({ ...TELEMETRY_OFF, PATH: process.env.PATH }) }),
  )
})

test('as a child process of Node', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-fork-'))
  const script = path.join(folder, 'worker.cjs')
  fs.writeFileSync(script, 'process.send(process.env)')
  const child = forkEngine(script)
  expect(await new Promise((resolve) => child.onMessage(resolve))).toMatchObject(TELEMETRY_OFF)
  child.kill()
  fs.rmSync(folder, { recursive: true })
})

test('one that has ended by itself is killed without a fault; one that may not be killed is told', () => {
  electron.utilityProcess.fork.mockReturnValue(Object.assign(new EventEmitter(), { pid: 12345 }))
  const child = forkUtility('/app/worker.js', {})
  const kill = vi.spyOn(process, 'kill')
  for (const code of ['ESRCH', 'EPERM']) {
    kill.mockImplementationOnce(() => {
      throw Object.assign(new Error(code), { code })
    })
    if (code === 'ESRCH') expect(() => child.kill()).not.toThrow()
    else expect(() => child.kill()).toThrow(code)
  }
  kill.mockRestore()
})
