/** The window's own protocol: it serves the built renderer and nothing else, under a strict policy. */
import { net, protocol } from 'electron'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { contentSecurityPolicy } from '../contract/csp'

const SCHEME = 'pare'
const HOST = 'app'
export const START_URL = `${SCHEME}://${HOST}/index.html`

const HEADERS = {
  'Content-Security-Policy': contentSecurityPolicy(),
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** Must be called before the app is ready. */
export function declareProtocol(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ])
}

/**
 * True for addresses of the window itself. Protocol and host are compared, because the origin of a custom
 * scheme is the string 'null' in Node.
 */
export function isOwn(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : undefined
  return url?.protocol === `${SCHEME}:` && url.host === HOST
}

/** The file behind an address, or undefined when it leaves the folder or the address is not the window's. */
export function fileBehind(address: string, folder: string): string | undefined {
  if (!isOwn(address)) return undefined
  const file = path.resolve(folder, `.${decodeURIComponent(new URL(address).pathname)}`)
  return file.startsWith(folder + path.sep) ? file : undefined
}

/** `pages` are made anew whenever they are asked for, by the last part of their address. */
export function serveRenderer(
  folder: string,
  pages: Record<string, () => { type: string; text: string }> = {},
): void {
  protocol.handle(SCHEME, async (request) => {
    const page =
      request.method === 'GET' && isOwn(request.url) && pages[new URL(request.url).pathname.slice(1)]
    if (page) {
      const { type, text } = page()
      return new Response(text, { headers: { ...HEADERS, 'Content-Type': `${type}; charset=utf-8` } })
    }
    const file = request.method === 'GET' ? fileBehind(request.url, folder) : undefined
    if (!file) return new Response('not found', { status: 404, headers: HEADERS })
    const response = await net.fetch(pathToFileURL(file).href)
    const headers = new Headers(response.headers)
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value)
    return new Response(response.body, { status: response.status, headers })
  })
}
