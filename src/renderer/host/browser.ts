/** The window's end of the browser shell: one WebSocket for calls and events, POST for the bytes of files. */
import type { EventName, Host, MethodInput, MethodName, MethodOutput } from '../../contract/app'
import type { FileRef } from '../../contract/project'
import { toError } from '../../contract/errors'
import {
  CLOSE_UNKNOWN_SESSION,
  WIRE,
  type EventFrame,
  type ReplyFrame,
  type SessionReply,
} from '../../contract/wire'
import { inParallel, packed, packs, uploadUnits, type Sent } from './upload'

export type Connection = 'open' | 'lost' | 'ended'

export interface BrowserHost extends Host {
  onConnection(listener: (state: Connection) => void): void
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: unknown): void
}

const SESSION_KEY = 'pare.session'
const PAGE_KEY = 'pare.page'

/** The same after a reload, another in another window. */
function pageSecret(): string {
  const kept = sessionStorage.getItem(PAGE_KEY) ?? crypto.randomUUID()
  sessionStorage.setItem(PAGE_KEY, kept)
  return kept
}

async function openSession(): Promise<string> {
  const place = new URLSearchParams(location.hash.slice(1))
  const token = place.get(WIRE.tokenKey)
  if (token) {
    const answer = await fetch(WIRE.session, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, [WIRE.pageHeader]: pageSecret() },
    })
    const reply = answer.ok ? ((await answer.json()) as SessionReply) : undefined
    // For every window of this browser: a second one has no token of its own, and Pare forgets the session when it ends.
    if (reply) localStorage.setItem(SESSION_KEY, reply.session)
    place.delete(WIRE.tokenKey)
    // Not before: a page reloaded while it waits needs its address again.
    history.replaceState(null, '', location.pathname + (place.size > 0 ? `#${place}` : ''))
    if (reply) return reply.session
  }
  const kept = localStorage.getItem(SESSION_KEY)
  if (!kept) throw toError({ code: 'app/address-used' })
  return kept
}

export async function browserHost(): Promise<BrowserHost> {
  const session = await openSession()
  const listeners = new Map<EventName, Set<(data: never) => void>>()
  const connectionListeners = new Set<(state: Connection) => void>()
  const waiting = new Map<number, Waiting>()
  let socket: WebSocket
  let opened: Promise<void>
  let lastId = 0
  let pause = 250

  const tell = (state: Connection): void => connectionListeners.forEach((listener) => listener(state))

  const receive = (text: string): void => {
    const frame = JSON.parse(text) as ReplyFrame | EventFrame
    if ('event' in frame) {
      listeners.get(frame.event)?.forEach((listener) => listener(frame.data as never))
      return
    }
    const call = waiting.get(frame.id)
    waiting.delete(frame.id)
    if ('error' in frame) call?.reject(toError(frame.error))
    else call?.resolve(frame.ok)
  }

  const connect = (): void => {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    socket = new WebSocket(`${scheme}://${location.host}${WIRE.socket}`, [WIRE.protocol, session])
    opened = new Promise((resolve) => {
      socket.onopen = () => {
        pause = 250
        tell('open')
        resolve()
      }
    })
    socket.onmessage = (message) => receive(String(message.data))
    socket.onclose = (close) => {
      for (const call of waiting.values()) call.reject(toError({ code: 'app/connection-lost' }))
      waiting.clear()
      if (close.code === CLOSE_UNKNOWN_SESSION) return tell('ended')
      tell('lost')
      setTimeout(connect, pause)
      pause = Math.min(pause * 2, 4000)
    }
  }
  connect()

  const invoke = async <M extends MethodName>(method: M, input: MethodInput<M>): Promise<MethodOutput<M>> => {
    await opened
    const id = ++lastId
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      socket.send(JSON.stringify({ id, method, input }))
    })
  }

  const send = async (upload: string, files: Sent, signal?: AbortSignal): Promise<void> => {
    const [{ file, path }] = files as [Sent[number], ...Sent]
    const alone = files.length === 1
    const address = alone
      ? `${WIRE.upload}${upload}?path=${encodeURIComponent(path)}`
      : `${WIRE.pack}${upload}`
    const answer = await fetch(address, {
      method: 'POST',
      headers: { Authorization: `Bearer ${session}` },
      body: alone ? file : packed(files),
      signal: signal ?? null,
    }).catch((cause: unknown) => {
      throw signal?.aborted ? toError({ code: 'cancelled', during: 'reading files' }) : cause
    })
    if (!answer.ok) {
      const reason = (await answer.text()) || answer.statusText
      throw toError({ code: 'disk/failed', path, reason })
    }
  }

  return {
    shell: 'browser',
    invoke,
    on(name, listener) {
      const set = listeners.get(name) ?? new Set()
      listeners.set(name, set)
      set.add(listener as (data: never) => void)
      return () => set.delete(listener as (data: never) => void)
    },
    onConnection: (listener) => void connectionListeners.add(listener),
    async filesOf(dropped, { signal, progress } = {}) {
      const refs: FileRef[] = []
      const units = uploadUnits(dropped)
      const sizeOf = (files: Sent): number => files.reduce((sum, { file }) => sum + file.size, 0)
      const total = units.reduce((sum, { files }) => sum + sizeOf(files), 0)
      let sent = 0
      for (const unit of units) {
        const { upload } = await invoke('files.begin', { name: unit.name, folder: unit.folder })
        await inParallel(packs(unit.files), 3, async (files) => {
          await send(upload, files, signal)
          sent += sizeOf(files)
          progress?.(sent, total)
        })
        refs.push(await invoke('files.finish', { upload }))
      }
      return refs
    },
  }
}
