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

export function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** An address that was handed out, and the window that came of it. */
interface Admission {
  /** Goes into the address; undefined once its window has connected. */
  token: string | undefined
  session: string
  /** The secret of the page that was given the session. */
  page?: string
}

export class Guard {
  private readonly admissions: Admission[] = []
  port = 0

  /** Goes into an address that is opened; good for one session. */
  newToken(): string {
    const token = newSecret()
    this.admissions.push({ token, session: newSecret() })
    return token
  }

  /** Host must be ours (a foreign name that resolves to loopback is refused), and so must Origin where it is sent. */
  mayAsk({ headers, method }: IncomingMessage, needsOrigin = method !== 'GET' && method !== 'HEAD'): boolean {
    const hosts = [`127.0.0.1:${this.port}`, `localhost:${this.port}`]
    const { host, origin } = headers
    if (!host || !hosts.includes(host)) return false
    return origin === undefined ? !needsOrigin : origin === `http://${host}`
  }

  /**
   * Trades a one-time token for its session; undefined where it is wrong or was used. Until a window has connected,
   * a page that was reloaded before the answer reached it gets the same again, and nobody else: `page` is its secret.
   */
  trade(authorization: string | undefined, page: string | undefined): string | undefined {
    const given = bearer(authorization)
    const admission = this.admissions.find(({ token }) => given && token && equal(given, token))
    if (!admission || !page) return undefined
    admission.page ??= page
    return equal(page, admission.page) ? admission.session : undefined
  }

  /** A window connects with its session; false where it has none. From then on its token is worth nothing. */
  admit(session: string | undefined): boolean {
    const admission = this.of(session)
    if (!admission) return false
    admission.token = undefined
    return true
  }

  private of(session: string | undefined): Admission | undefined {
    return this.admissions.find(
      (one) => session !== undefined && one.page !== undefined && equal(session, one.session),
    )
  }

  knowsBearer = (authorization: string | undefined): boolean => this.of(bearer(authorization)) !== undefined
}

export const bearer = (authorization: string | undefined): string | undefined =>
  /^Bearer (\S+)$/.exec(authorization ?? '')?.[1]
