/** The contract over WebSocket frames. */
import type { Server } from 'node:http'
import { WebSocketServer, type WebSocket } from 'ws'
import { errorData } from '../contract/errors'
import {
  CLOSE_UNKNOWN_SESSION,
  WIRE,
  type EventFrame,
  type ReplyFrame,
  type RequestFrame,
} from '../contract/wire'
import type { Service } from '../service'
import { inBackground } from '../service/background'
import { targetOf, type Guard } from './guard'

/** Calls are small: files travel beside the contract. */
const LARGEST_FRAME = 8 * 2 ** 20
/** How long a page that is sent away may take to go. */
const PATIENCE_MS = 1000
/** RFC 6455: data of a kind that cannot be accepted. */
const CLOSE_UNSUPPORTED = 1003

export interface SocketServer {
  /** Windows that are open. */
  count(): number
  /** Called with the number of open windows whenever it changes. */
  onChange(listener: (open: number) => void): void
  close(): void
}

export function serveSocket(server: Server, guard: Guard, service: Service): SocketServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_FRAME,
    handleProtocols: () => WIRE.protocol,
  })
  const listeners = new Set<(open: number) => void>()
  const open = new Set<WebSocket>()
  const changed = (): void => listeners.forEach((listener) => listener(open.size))

  server.on('upgrade', (request, socket, head) => {
    // From here on nobody else listens to what goes wrong with this socket.
    socket.on('error', () => socket.destroy())
    const { pathname } = targetOf(request)
    const [protocol, session] = (request.headers['sec-websocket-protocol'] ?? '')
      .split(',')
      .map((part) => part.trim())
    if (pathname !== WIRE.socket || protocol !== WIRE.protocol || !guard.mayAsk(request, true)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n', () => socket.destroy())
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => client.terminate())
      // Only after the handshake can a page be told why it is not answered.
      if (!guard.admit(session)) return dismiss(client, CLOSE_UNKNOWN_SESSION, 'unknown session')
      open.add(client)
      client.on('close', () => open.delete(client) && changed())
      client.on('message', (data) => inBackground(reply(client, String(data), service), 'answering a page'))
      changed()
    })
  })

  const stop = service.onAny((event, data) => {
    const frame = JSON.stringify({ event, data } as EventFrame)
    for (const client of open) client.send(frame)
  })

  return {
    count: () => open.size,
    onChange: (listener) => void listeners.add(listener),
    close() {
      stop()
      for (const client of open) client.terminate()
      sockets.close()
    },
  }
}

function dismiss(client: WebSocket, code: number, reason: string): void {
  client.close(code, reason)
  setTimeout(() => client.terminate(), PATIENCE_MS).unref()
}

function requestOf(text: string): RequestFrame | undefined {
  try {
    const frame = JSON.parse(text) as Partial<RequestFrame> | null
    return typeof frame?.id === 'number' && typeof frame.method === 'string'
      ? (frame as RequestFrame)
      : undefined
  } catch {
    return undefined
  }
}

/** What cannot be written as JSON is answered all the same, or the page would wait for ever. */
function textOf(frame: ReplyFrame): string {
  try {
    return JSON.stringify(frame)
  } catch (cause) {
    return JSON.stringify({ id: frame.id, error: errorData(cause) } satisfies ReplyFrame)
  }
}

async function reply(client: WebSocket, text: string, service: Service): Promise<void> {
  const request = requestOf(text)
  if (!request) return dismiss(client, CLOSE_UNSUPPORTED, 'not a request')
  const { id, method, input } = request
  const frame = await service.invoke(method, input as never).then(
    (ok): ReplyFrame => ({ id, ok }),
    (cause: unknown): ReplyFrame => ({ id, error: errorData(cause) }),
  )
  if (client.readyState === client.OPEN) client.send(textOf(frame))
}
