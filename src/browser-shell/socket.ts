/** The contract over WebSocket frames. */
import type { Server } from 'node:http'
import { WebSocketServer, type WebSocket } from 'ws'
import type { MethodName } from '../contract/app'
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
import type { Guard } from './guard'

/** Calls are small: files travel beside the contract. */
const LARGEST_FRAME = 8 * 2 ** 20

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
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const [protocol, session] = (request.headers['sec-websocket-protocol'] ?? '')
      .split(',')
      .map((part) => part.trim())
    if (pathname !== WIRE.socket || protocol !== WIRE.protocol || !guard.mayAsk(request, true)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      // Only after the handshake can a page be told why it is not answered.
      if (!guard.admit(session)) return client.close(CLOSE_UNKNOWN_SESSION, 'unknown session')
      open.add(client)
      client.on('close', () => open.delete(client) && changed())
      client.on('error', () => client.terminate())
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

async function reply(client: WebSocket, text: string, service: Service): Promise<void> {
  let request: RequestFrame
  try {
    request = JSON.parse(text) as RequestFrame
  } catch {
    return client.close(1003, 'not JSON')
  }
  const { id, method, input } = request
  const frame = await service.invoke(method as MethodName, input as never).then(
    (ok): ReplyFrame => ({ id, ok }),
    (cause: unknown): ReplyFrame => ({ id, error: errorData(cause) }),
  )
  if (client.readyState === client.OPEN) client.send(JSON.stringify(frame))
}
