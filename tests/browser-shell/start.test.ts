/** The shell as `npm start` runs it, without a browser. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { bundled } from '../bundled'

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-start-'))
afterAll(() => fs.rmSync(dataDir, { recursive: true, force: true }))

async function start(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [await bundled('browser-shell')], {
    env: { ...process.env, PARE_NO_OPEN: '1', PARE_DATA_DIR: dataDir, ...env },
  })
  let said = ''
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const address = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        said += String(chunk)
        const found = /http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{40,}/.exec(said)
        if (found) resolve(found[0])
      })
  })
  return { child, ended, address, said: () => said }
}

test('it prints its address, answers there, and has its data folder to itself', async () => {
  const first = await start()
  const { origin } = new URL(await first.address)
  expect((await fetch(origin)).headers.get('content-security-policy')).toContain("default-src 'none'")
  first.child.kill('SIGTERM')
  expect(await first.ended).toBe(0)
  expect(fs.readdirSync(dataDir).filter((name) => name.startsWith('pare.'))).toEqual([])
})

/** What a page at this address is given. */
const enter = async (address: string): Promise<number> => {
  const { origin, hash } = new URL(address)
  const headers = {
    Authorization: `Bearer ${hash.slice('#token='.length)}`,
    Origin: origin,
    'X-Pare-Page': address,
  }
  return (await fetch(`${origin}/session`, { method: 'POST', headers })).status
}

test('a second start comes back to the one that is open, by an address of its own', async () => {
  const first = await start()
  const address = await first.address
  const second = await start()
  expect(await second.ended).toBe(0)
  const another = await second.address
  expect(new URL(another).origin).toBe(new URL(address).origin)
  expect(another).not.toBe(address)
  expect([await enter(address), await enter(another)]).toEqual([200, 200])
  const door = path.join(dataDir, 'pare.door')
  if (process.platform !== 'win32') expect(fs.statSync(door).mode & 0o077).toBe(0)
  for (const key of ['', 'Bearer ', 'Bearer nope']) {
    const headers = { Origin: new URL(address).origin, ...(key && { Authorization: key }) }
    expect((await fetch(new URL('/again', address), { method: 'POST', headers })).status).toBe(401)
  }
  // Where the one that is open cannot be asked, that is said, and nothing is taken from it.
  fs.writeFileSync(door, JSON.stringify({ origin: 'http://evil.example', key: 'x' }))
  const third = await start()
  expect(await third.ended).toBe(1)
  expect(third.said()).toContain('open already')
  first.child.kill('SIGTERM')
  expect(await first.ended).toBe(0)
})

test('a killed one leaves nothing in the way', async () => {
  const first = await start()
  await first.address
  first.child.kill('SIGKILL')
  await first.ended
  const second = await start()
  await second.address
  second.child.kill('SIGINT')
  expect(await second.ended).toBe(130)
})

test.each([
  ['a data folder that is a file', { PARE_DATA_DIR: import.meta.filename }, 'could not be written or read'],
  ['a port that is none', { PARE_PORT: '99999' }, 'ports are whole numbers from 0 to 65535'],
])('%s is said in a sentence, without a stack', async (_, env, says) => {
  const { ended, said } = await start(env)
  expect(await ended).toBe(1)
  expect(said()).toContain('Pare cannot start.')
  expect(said()).toContain(says)
  expect(said()).not.toMatch(/^\s+at /m)
})

test('a port that another program has is told', async () => {
  const other = http.createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as AddressInfo
  const { ended, said } = await start({ PARE_PORT: String(port) })
  expect(await ended).toBe(1)
  expect(said()).toContain(`Port ${port} cannot be had: another program uses it.`)
  other.close()
})
