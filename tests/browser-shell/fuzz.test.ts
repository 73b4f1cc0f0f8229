/** Whatever arrives at its port, the shell goes on serving; `npm run attack -- shell` sends more. */
import net from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ShellTarget } from '../../attack/support/shell-target'
import { bundled } from '../bundled'

let shell: ShellTarget
beforeAll(async () => (shell = await ShellTarget.start(await bundled('browser-shell'))))
afterAll(() => shell.stop())

test('an address no URL can be made of', async () => {
  await shell.send(
    Buffer.from(
      [...shell.handshake(), 'Sec-WebSocket-Protocol: pare', '\r\n'].join('\r\n').replace('/socket', '//['),
    ),
  )
  expect(await shell.fault()).toBeUndefined()
})

test.each(['null', '[]', '1', '"x"', '{}', '{"id":1}', '{"id":null,"method":"settings.get"}'])(
  'a frame of %s from an admitted window',
  async (text) => {
    const socket = shell.open()
    const code = new Promise((resolve) => socket.once('close', resolve).once('error', resolve))
    socket.once('open', () => socket.send(text))
    expect(await code).toBe(1003)
    expect(await shell.fault()).toBeUndefined()
  },
)

test('who sends a request drop by drop, or a head without end, is cut off', { timeout: 30_000 }, async () => {
  const closed = (first: string, more?: string): Promise<string> =>
    new Promise((resolve) => {
      let said = ''
      const socket = net.connect(shell.port, '127.0.0.1', () => socket.write(first))
      const drip = more === undefined ? undefined : setInterval(() => socket.write(more), 500)
      socket.on('data', (chunk) => (said += String(chunk)))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clearInterval(drip)
        resolve(said.split('\r\n')[0]!)
      })
    })
  const head = `POST /upload/x?path=a HTTP/1.1\r\nHost: 127.0.0.1:${shell.port}\r\n`
  const [slow, wide, body] = await Promise.all([
    closed(head, 'X-A: 1\r\n'),
    closed(`${head}X-Wide: ${'a'.repeat(20_000)}\r\n`),
    closed(
      `${head}Origin: http://127.0.0.1:${shell.port}\r\nContent-Length: 1000000000\r\n\r\n`,
      'x'.repeat(1000),
    ),
  ])
  expect(slow).toContain('408')
  expect(wide).toContain('431')
  expect(body, 'an upload without a session is not read').toContain('401')
  expect(await shell.fault()).toBeUndefined()
})
