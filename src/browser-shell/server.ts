/** The loopback server: the built page, sessions, uploads, downloads, and the contract over a WebSocket. */
import fs from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { errorData, PareError } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import { WIRE } from '../contract/wire'
import type { Service } from '../service'
import { DOWNLOAD, type Downloads } from './downloads'
import { AGAIN, type ShownReply } from './again'
import { bearer, equal, Guard, securityHeaders, targetOf, unescaped } from './guard'
import { serveSocket, type SocketServer } from './socket'
import { unpack } from './unpack'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
}

/** What a page needs is far less; who sends more, or slowly, is not one. */
const LIMITS: http.ServerOptions = {
  maxHeaderSize: 8192,
  headersTimeout: 5000,
  connectionsCheckingInterval: 1000,
  // The body of an upload may take its time: it is read only of a session that is known.
  requestTimeout: 0,
}
const MOST_CONNECTIONS = 256

export interface ShellServer {
  /** To be opened once: it carries a token of its own. */
  newAddress(): string
  port: number
  sockets: SocketServer
  close(): Promise<void>
}

interface ShellServerOptions {
  service: Service
  downloads: Downloads
  /** Whoever knows the key may ask for a window; without it nobody may. */
  again?: { key: string; show(): Promise<ShownReply> }
  /** Folder of the built page. */
  page: string
  /** 0 = any free one. */
  port?: number
}

export async function startServer({
  service,
  downloads,
  again,
  page,
  port = 0,
}: ShellServerOptions): Promise<ShellServer> {
  const guard = new Guard()
  const server = http.createServer(LIMITS, (request, response) => {
    for (const [name, value] of Object.entries(securityHeaders(guard.port))) response.setHeader(name, value)
    answer(request, response).catch((cause: unknown) => {
      if (response.headersSent) response.destroy()
      else say(response, 500, errorMessage(errorData(cause)).what)
    })
  })
  server.maxConnections = MOST_CONNECTIONS

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!guard.mayAsk(request)) return refuse(response, 403, 'This address answers only its own page.')
    const { pathname, query } = targetOf(request)
    if (request.method === 'POST') {
      if (pathname === WIRE.session) return openSession(request, response)
      if (pathname === AGAIN) return showAgain(request, response)
      const kind = [WIRE.upload, WIRE.pack].find((prefix) => pathname.startsWith(prefix))
      if (!kind) return refuse(response, 404, 'not found')
      if (!guard.knowsBearer(request.headers.authorization)) return refuse(response, 401, 'unknown session')
      const upload = unescaped(pathname.slice(kind.length)) ?? ''
      if (kind === WIRE.upload) await service.receiveUpload(upload, query.get('path') ?? '', request)
      // Thousands of files that are each waited for until the disk has them take longer than to hand them in again.
      else await unpack(request, (file, content) => service.receiveUpload(upload, file, content, false))
      response.writeHead(204).end()
    } else if (request.method !== 'GET' && request.method !== 'HEAD') refuse(response, 405, 'not allowed')
    else if (pathname.startsWith(DOWNLOAD)) {
      if (!downloads.serve(pathname.slice(DOWNLOAD.length), response)) say(response, 404, 'not found')
    } else serveFile(page, pathname, response)
  }

  function openSession(request: IncomingMessage, response: ServerResponse): void {
    const page = request.headers[WIRE.pageHeader]
    const session = guard.trade(request.headers.authorization, typeof page === 'string' ? page : undefined)
    if (!session) return refuse(response, 401, 'This address was used already; start Pare again.')
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ session }))
  }

  async function showAgain(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const key = bearer(request.headers.authorization)
    if (!again || !key || !equal(key, again.key)) return refuse(response, 401, 'unknown key')
    const shown = JSON.stringify(await again.show())
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(shown)
  }

  const sockets = serveSocket(server, guard, service)
  // Loopback only: nobody else on the network can reach it.
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  }).catch((cause: unknown) => {
    throw portError(cause, port)
  })
  guard.port = (server.address() as AddressInfo).port
  return {
    newAddress: () => `http://127.0.0.1:${guard.port}/#${WIRE.tokenKey}=${guard.newToken()}`,
    port: guard.port,
    sockets,
    close: () =>
      new Promise((resolve) => {
        sockets.close()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Why a port cannot be listened on, for whoever chose it. */
function portError(cause: unknown, port: number): unknown {
  const { code } = cause as NodeJS.ErrnoException
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program uses it',
    EACCES: 'this system keeps it for others',
    ERR_SOCKET_BAD_PORT: 'ports are whole numbers from 0 to 65535',
  }
  const why = code && reasons[code]
  if (!why) return cause
  return new PareError('bad-request', { method: 'PARE_PORT', reason: `Port ${port} cannot be had: ${why}.` })
}

/** Says so and hangs up: the rest of the request, which may be without end, is not read. */
function refuse(response: ServerResponse, status: number, text: string): void {
  response.setHeader('Connection', 'close')
  say(response, status, text)
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text)
}

/** A name may also be longer than the disk takes. */
function isFile(file: string): boolean {
  try {
    return fs.statSync(file).isFile()
  } catch {
    return false
  }
}

function serveFile(root: string, pathname: string, response: ServerResponse): void {
  const name = unescaped(pathname === '/' ? '/index.html' : pathname)
  if (name === undefined) return say(response, 400, 'bad address')
  const file = path.join(root, name)
  const inside = file.startsWith(root + path.sep) && !file.includes('\0')
  if (!inside || !isFile(file)) return say(response, 404, 'not found')
  response.writeHead(200, { 'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream' })
  fs.createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response)
}
