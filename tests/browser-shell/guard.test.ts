/** Only this page on this machine, with a session, is answered. */
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { openSession, startShell, type Shell } from './client'

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-guard-'))
let shell: Shell
let session: string

beforeAll(async () => {
  shell = await startShell(dataDir)
  session = await openSession(shell)
})
afterAll(async () => {
  await shell.close()
  fs.rmSync(dataDir, { recursive: true, force: true })
})

interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  text: string
}

/** `fetch` sets Host itself; here everything can be forged. */
function ask(
  method: string,
  target: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> {
  const { port } = shell.server
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, method, path: target, headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += String(chunk)))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

test('the page comes with a strict policy and is not kept', async () => {
  const { status, headers, text } = await ask('GET', '/')
  expect(status).toBe(200)
  expect(text).toContain('<title>Pare</title>')
  const policy = headers['content-security-policy']!
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).not.toMatch(/script-src[^;]*(unsafe|http|\*)/)
  expect(policy).not.toMatch(/https?:\/\/(?!127\.0\.0\.1|localhost)/)
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
  })
  expect(headers['set-cookie']).toBeUndefined()
})

test.each(['evil.example', `evil.example:80`, '127.0.0.1', 'localhost:1'])(
  'host %s is refused',
  async (host) => {
    expect((await ask('GET', '/', { Host: host })).status).toBe(403)
  },
)

test.each(['http://evil.example', 'null', 'https://127.0.0.1'])('origin %s is refused', async (origin) => {
  const headers = { Origin: origin, Authorization: `Bearer ${session}` }
  expect((await ask('POST', '/upload/x?path=a', headers)).status).toBe(403)
  expect((await ask('GET', '/', headers)).status).toBe(403)
})

test('a post without an origin is refused', async () => {
  expect((await ask('POST', '/upload/x?path=a', { Authorization: `Bearer ${session}` })).status).toBe(403)
})

test.each([
  '/../package.json',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/..%2f..%2fetc/passwd',
  '/%00',
  '/%zz',
  '//etc/passwd',
])('the path %s leads nowhere', async (target) => {
  expect([400, 404]).toContain((await ask('GET', target)).status)
})

test.each(['', 'Bearer ', 'Bearer nope', 'Basic abc'])(
  'authorization %j gets nothing stored',
  async (authorization) => {
    const headers = { Origin: shell.origin, ...(authorization && { Authorization: authorization }) }
    expect((await ask('POST', '/upload/x?path=a', headers)).status).toBe(401)
  },
)

test('an upload keeps inside its place', async () => {
  const headers = { Origin: shell.origin, Authorization: `Bearer ${session}` }
  const { upload } = await shell.service.invoke('files.begin', { name: 'data', folder: true })
  for (const bad of ['../escape.txt', 'a/../../escape.txt', '', 'a\u0000b', 'C:evil'])
    expect(
      (await ask('POST', `/upload/${upload}?path=${encodeURIComponent(bad)}`, headers, 'x')).status,
    ).toBe(500)
  expect(
    (await ask('POST', `/upload/${upload}?path=${encodeURIComponent('3/ok.txt')}`, headers, 'x')).status,
  ).toBe(204)
  const file = await shell.service.invoke('files.finish', { upload })
  expect(file).toMatchObject({ name: 'data', kind: 'dataset', bytes: 1 })
  const stored = fs.readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
  expect(stored.filter((name) => name.includes('escape'))).toEqual([])
})

test('a download address works once and only then', async () => {
  const file = path.join(dataDir, 'bundle.zip')
  fs.writeFileSync(file, 'PK')
  const address = shell.downloads.offer(file, 'lé"net.zip')
  const first = await ask('GET', address)
  expect(first).toMatchObject({ status: 200, text: 'PK' })
  expect(first.headers['content-disposition']).toBe(`attachment; filename*=UTF-8''l%C3%A9%22net.zip`)
  expect((await ask('GET', address)).status).toBe(404)
})

function dial(protocols: string[], origin?: string, to = shell.origin): Promise<number | string> {
  const socket = new WebSocket(`${to.replace('http', 'ws')}/socket`, protocols, origin ? { origin } : {})
  return new Promise((resolve) => {
    socket.on('close', (code) => resolve(code))
    socket.on('error', (cause) => resolve(cause.message))
    socket.on('open', () => setTimeout(() => socket.close(1000), 200))
  })
}

test('the socket wants our origin, our protocol and a session', async () => {
  expect(await dial(['pare', session], shell.origin)).toBe(1000)
  expect(await dial(['pare', 'not-a-session'], shell.origin)).toBe(4401)
  expect(await dial(['pare', session], 'http://evil.example')).toContain('403')
  expect(await dial(['pare', session])).toContain('403')
  expect(await dial(['other', session], shell.origin)).toContain('403')
})

test('the token in the address is good for one session, and for nothing once its window has connected', async () => {
  const fresh = await startShell(fs.mkdtempSync(path.join(dataDir, 'fresh-')))
  try {
    const first = await openSession(fresh)
    expect(await openSession(fresh), 'a reload before the answer came').toBe(first)
    await expect(openSession(fresh, 'another page')).rejects.toThrow('401')
    await expect(openSession(fresh, '')).rejects.toThrow('401')
    expect(await dial(['pare', 'not-a-session'], fresh.origin, fresh.origin)).toBe(4401)
    expect(await openSession(fresh), 'a stranger at the socket uses nothing up').toBe(first)
    expect(await dial(['pare', first], fresh.origin, fresh.origin)).toBe(1000)
    await expect(openSession(fresh)).rejects.toThrow('401')
    expect(await dial(['pare', first], fresh.origin, fresh.origin), 'a reload later').toBe(1000)
  } finally {
    await fresh.close()
  }
})
