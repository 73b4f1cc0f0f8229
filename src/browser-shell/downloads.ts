/** One-time addresses of files the page may save. */
import fs from 'node:fs'
import type { ServerResponse } from 'node:http'
import { newSecret } from './guard'

export const DOWNLOAD = '/download/'

export class Downloads {
  private readonly offered = new Map<string, { path: string; name: string }>()

  offer(path: string, name: string): string {
    const secret = newSecret()
    this.offered.set(secret, { path, name })
    return `${DOWNLOAD}${secret}`
  }

  /** Answers an address that was offered, once. False where it was not. */
  serve(secret: string, response: ServerResponse): boolean {
    const file = this.offered.get(secret)
    if (!file || !fs.existsSync(file.path)) return false
    this.offered.delete(secret)
    response.writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': fs.statSync(file.path).size,
      'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.name.replace(/\p{Surrogate}/gu, '-'))}`,
    })
    fs.createReadStream(file.path)
      .on('error', () => response.destroy())
      .pipe(response)
    return true
  }
}
