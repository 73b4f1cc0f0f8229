/**
 * Whatever arrives at its port, the shell goes on serving. A longer attack: `PARE_ATTACK=200000 npx vitest run
 * tests/browser-shell/fuzz.test.ts`, with another `PARE_SEED`.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { seeded } from '../../src/engine/math/random'
import { bundled } from '../bundled'
import { frameOf, hostileRequest, hostileText } from './hostile'

const ATTACKS = Number(process.env.PARE_ATTACK ?? 12_000)
const SEED = Number(process.env.PARE_SEED ?? 1)
/** Half of them before a session is known, half as frames of a window that is admitted. */
const HALF = ATTACKS / 2
const AT_ONCE = 24

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-hostile-'))
let shell: ChildProcess
let port: number
let session: string
let faults = ''

beforeAll(async () => {
  shell = spawn(process.execPath, [await bundled('browser-shell')], {
    env: { ...process.env, PARE_NO_OPEN: '1', PARE_DATA_DIR: dataDir },
  })
  shell.stderr!.on('data', (chunk) => (faults += String(chunk)))
  const address = await new Promise<URL>((resolve) => {
    shell.stdout!.on('data', (chunk) => {
      const found = /http:\S+/.exec(String(chunk))
      if (found) resolve(new URL(found[0]))
    })
  })
  port = Number(address.port)
  const answer = await fetch(`${address.origin}/session`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${address.hash.slice('#token='.length)}`,
      Origin: address.origin,
      'X-Pare-Page': 'a page',
    },
  })
  session = ((await answer.json()) as { session: string }).session
})
afterAll(async () => {
  const ended = new Promise((resolve) => shell.once('exit', resolve))
  if (shell.exitCode === null && shell.kill()) await ended
  fs.rmSync(dataDir, { recursive: true, force: true })
})

/** Sends bytes, says that there are no more, and waits until the shell has hung up. */
function send(...pieces: Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      for (const piece of pieces) socket.write(piece)
      socket.end()
    })
    socket.resume()
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
  })
}

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const lanes = Array.from({ length: AT_ONCE }, async () => {
    while (next < count) await work(next++)
  })
  await Promise.all(lanes)
}

const window = (): string[] => [
  'GET /socket HTTP/1.1',
  `Host: 127.0.0.1:${port}`,
  `Origin: http://127.0.0.1:${port}`,
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

async function expectServing(): Promise<void> {
  expect(faults).toBe('')
  expect(shell.exitCode).toBeNull()
  const origin = `http://127.0.0.1:${port}`
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, ['pare', session], { origin })
  const answer = await new Promise<string>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('open', () => socket.send(JSON.stringify({ id: 7, method: 'settings.get' })))
    socket.on('message', (text) => String(text).includes('"id":7') && resolve(String(text)))
  })
  expect(JSON.parse(answer)).toMatchObject({ id: 7, ok: expect.any(Object) as unknown })
  socket.terminate()
}

test('an address no URL can be made of', async () => {
  await send(
    Buffer.from([...window(), 'Sec-WebSocket-Protocol: pare', '\r\n'].join('\r\n').replace('/socket', '//[')),
  )
  await expectServing()
})

test.each(['null', '[]', '1', '"x"', '{}', '{"id":1}', '{"id":null,"method":"settings.get"}'])(
  'a frame of %s from an admitted window',
  async (text) => {
    const origin = `http://127.0.0.1:${port}`
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, ['pare', session], { origin })
    const code = new Promise((resolve) => socket.once('close', resolve).once('error', resolve))
    socket.once('open', () => socket.send(text))
    expect(await code).toBe(1003)
    await expectServing()
  },
)

test(`${HALF} hostile requests`, { timeout: 60_000 + ATTACKS * 20 }, async () => {
  const random = seeded(SEED)
  await inParallel(HALF, () => send(hostileRequest(random, port)))
  await expectServing()
})

test(`${HALF} hostile frames of admitted windows`, { timeout: 60_000 + ATTACKS * 20 }, async () => {
  const random = seeded(SEED + 1)
  const hello = Buffer.from([...window(), `Sec-WebSocket-Protocol: pare, ${session}`, '\r\n'].join('\r\n'))
  // A window each: the first frame that is wrong ends it.
  await inParallel(HALF, () => send(hello, frameOf(random, hostileText(random))))
  await expectServing()
})

test('who sends a request drop by drop, or a head without end, is cut off', { timeout: 30_000 }, async () => {
  const closed = (first: string, more?: string): Promise<string> =>
    new Promise((resolve) => {
      let said = ''
      const socket = net.connect(port, '127.0.0.1', () => socket.write(first))
      const drip = more === undefined ? undefined : setInterval(() => socket.write(more), 500)
      socket.on('data', (chunk) => (said += String(chunk)))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clearInterval(drip)
        resolve(said.split('\r\n')[0]!)
      })
    })
  const head = `POST /upload/x?path=a HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`
  const [slow, wide, body] = await Promise.all([
    closed(head, 'X-A: 1\r\n'),
    closed(`${head}X-Wide: ${'a'.repeat(20_000)}\r\n`),
    closed(`${head}Origin: http://127.0.0.1:${port}\r\nContent-Length: 1000000000\r\n\r\n`, 'x'.repeat(1000)),
  ])
  expect(slow).toContain('408')
  expect(wide).toContain('431')
  expect(body, 'an upload without a session is not read').toContain('401')
  await expectServing()
})
