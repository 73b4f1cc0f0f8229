/** Who may speak to the loopback server: this page from this machine, with a session. No cookies. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { contentSecurityPolicy } from '../contract/csp'

export const securityHeaders = (port: number): Record<string, string> => ({
  'Content-Security-Policy': contentSecurityPolicy(`ws://127.0.0.1:${port}`, `ws://localhost:${port}`),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
})

export const newSecret = (): string => randomBytes(32).toString('base64url')

/** What a request asks for. Anybody may have written it, so nothing is parsed that could be refused by throwing. */
export function targetOf({ url = '/' }: IncomingMessage): { pathname: string; query: URLSearchParams } {
  const [pathname = '/', query = ''] = url.split(/\?(.*)/s)
  return { pathname, query: new URLSearchParams(query) }
}

/** Undefined where the escapes are wrong. */
export function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

export class Guard {
  /** Goes into the address that is opened; good for one session. */
  readonly oneTimeToken = newSecret()
  private given: { session: string; page: string } | undefined
  private connected = false
  port = 0

  /** Host must be ours (a foreign name that resolves to loopback is refused), and so must Origin where it is sent. */
  mayAsk({ headers, method }: IncomingMessage, needsOrigin = method !== 'GET' && method !== 'HEAD'): boolean {
    const hosts = [`127.0.0.1:${this.port}`, `localhost:${this.port}`]
    const { host, origin } = headers
    if (!host || !hosts.includes(host)) return false
    return origin === undefined ? !needsOrigin : origin === `http://${host}`
  }

  /**
   * Trades the one-time token for its session; undefined where it is wrong or was used. Until a window has connected,
   * a page that was reloaded before the answer reached it gets the same again, and nobody else: `page` is its secret.
   */
  trade(authorization: string | undefined, page: string | undefined): string | undefined {
    const token = bearer(authorization)
    if (this.connected || !page || !token || !equal(token, this.oneTimeToken)) return undefined
    this.given ??= { session: newSecret(), page }
    return equal(page, this.given.page) ? this.given.session : undefined
  }

  /** A window connects with its session; false where it has none. From then on the token is worth nothing. */
  admit(session: string | undefined): boolean {
    if (!this.knows(session)) return false
    this.connected = true
    return true
  }

  private knows(session: string | undefined): boolean {
    return session !== undefined && this.given !== undefined && equal(this.given.session, session)
  }

  knowsBearer = (authorization: string | undefined): boolean => this.knows(bearer(authorization))
}

const bearer = (authorization: string | undefined): string | undefined =>
  /^Bearer (\S+)$/.exec(authorization ?? '')?.[1]
