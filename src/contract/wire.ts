/**
 * How the browser shell and its page speak. The address that is opened carries a one-time token in its fragment
 * (`#token=…`); the page trades it for a session by `POST /session` with `Authorization: Bearer <token>` and a secret
 * of its own, by which it is known again where it was reloaded before the answer came. It keeps the session for
 * reloads, and opens one WebSocket with the subprotocols `['pare', session]` (the server answers 'pare').
 * Everything but the static files wants the session; Host and Origin are checked on every request.
 */
import type { ErrorData } from './errors'
import type { EventName, Events, MethodName } from './app'

export const WIRE = {
  protocol: 'pare',
  tokenKey: 'token',
  /** POST, bearer one-time token, the page's secret in `pageHeader` → `SessionReply`. */
  session: '/session',
  pageHeader: 'x-pare-page',
  /** WebSocket, JSON text frames: `RequestFrame` up; `ReplyFrame` and `EventFrame` down. */
  socket: '/socket',
  /** POST /upload/<upload>?path=<relative path>, bearer session, body = the file's bytes; 204 when stored. */
  upload: '/upload/',
  /** POST /pack/<upload>, bearer session, body = many small files, one after another as `PackedFile`; 204 when stored. */
  pack: '/pack/',
} as const

/** A line of JSON before the bytes of each file of a pack. */
export interface PackedFile {
  path: string
  bytes: number
}

/** Larger files travel by themselves. */
export const PACKED_FILE_BYTES = 2 ** 20

export interface SessionReply {
  session: string
}

export interface RequestFrame {
  id: number
  method: MethodName
  /** Absent for methods without input. */
  input?: unknown
}

/** `ok` is absent for methods that give nothing. */
export type ReplyFrame = { id: number; ok?: unknown } | { id: number; error: ErrorData }

export type EventFrame = { [E in EventName]: { event: E; data: Events[E] } }[EventName]

/** Close codes above 4000 are ours: 4401 when the session is not known (any more). */
export const CLOSE_UNKNOWN_SESSION = 4401
