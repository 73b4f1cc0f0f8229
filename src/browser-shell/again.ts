/**
 * How a second start comes back to the Pare that is open: a file in the data folder, which only this user can read, says
 * where it listens and by which key it may be asked for a window.
 */
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import writeFileAtomic from 'write-file-atomic'

/** POST, bearer key of the file → `ShownReply`. */
export const AGAIN = '/again'

export interface ShownReply {
  /** To be opened where no window could be shown. */
  address?: string
}

interface Door {
  origin: string
  key: string
}

/** Longer than a browser may take to show a window. */
const PATIENCE_MS = 45_000

const doorOf = (folder: string): string => path.join(folder, 'pare.door')

/** Says where this process is asked, until it ends. Throws where the folder cannot be written. */
export function leaveDoor(folder: string, door: Door): void {
  const file = doorOf(folder)
  writeFileAtomic.sync(file, JSON.stringify(door), { mode: 0o600 })
  process.on('exit', () => fs.rmSync(file, { force: true }))
}

/** Undefined where nobody answers at the door that was left, or there is none. */
export async function askAgain(folder: string): Promise<ShownReply | undefined> {
  try {
    const { origin, key } = JSON.parse(fs.readFileSync(doorOf(folder), 'utf8')) as Door
    const { hostname } = new URL(origin)
    return hostname === '127.0.0.1' ? await ask(origin, key) : undefined
  } catch {
    return undefined
  }
}

const ask = (origin: string, key: string): Promise<ShownReply> =>
  new Promise((resolve, reject) => {
    const request = http.request(`${origin}${AGAIN}`, {
      method: 'POST',
      // One of its own: the global one may send all through a proxy, and with it the key.
      agent: new http.Agent(),
      headers: { Origin: origin, Authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    request.on('error', reject)
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode !== 200) return reject(new Error(text))
        resolve(JSON.parse(text) as ShownReply)
      })
    })
    request.end()
  })
