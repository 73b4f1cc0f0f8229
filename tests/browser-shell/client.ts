/** A page's end of the browser shell, as the window speaks it, without a window. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { WebSocket } from 'ws'
import { toError } from '../../src/contract/errors'
import type { EventFrame, ReplyFrame } from '../../src/contract/wire'
import { Downloads } from '../../src/browser-shell/downloads'
import { startServer, type ShellServer } from '../../src/browser-shell/server'
import { createService, forkEngine, type EngineProcess, type Service } from '../../src/service'
import { bundled } from '../bundled'
import type { Client } from '../service/conformance'

export interface Shell {
  server: ShellServer
  service: Service
  downloads: Downloads
  origin: string
  token: string
  processes: EngineProcess[]
  close(): Promise<void>
}

/** The shell with a page of one file. */
export async function startShell(dataDir: string): Promise<Shell> {
  const worker = await bundled('worker')
  const page = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-page-'))
  fs.writeFileSync(path.join(page, 'index.html'), '<!doctype html><title>Pare</title>')
  const processes: EngineProcess[] = []
  const downloads = new Downloads()
  const service = createService({
    dataDir,
    resourcesDir: path.resolve(import.meta.dirname, '../../resources'),
    engine: () => {
      processes.push(forkEngine(worker))
      return processes.at(-1)!
    },
    shell: 'browser',
    host: { offerDownload: (file, name) => downloads.offer(file, name) },
  })
  const server = await startServer({ service, downloads, page })
  const [origin, token] = server.newAddress().split('/#token=') as [string, string]
  const close = async (): Promise<void> => {
    service.close()
    await server.close()
    fs.rmSync(page, { recursive: true, force: true })
  }
  return { server, service, downloads, origin, token, processes, close }
}

export async function openSession({ origin, token }: Shell, page = 'a page'): Promise<string> {
  const answer = await fetch(`${origin}/session`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, Origin: origin, 'X-Pare-Page': page },
  })
  if (!answer.ok) throw new Error(`no session: ${answer.status}`)
  return ((await answer.json()) as { session: string }).session
}

export async function connect(shell: Shell): Promise<Client> {
  const { origin } = shell
  const session = await openSession(shell)
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/socket`, ['pare', session], { origin })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  const listeners: ((event: never, data: never) => void)[] = []
  let last = 0
  socket.on('message', (text) => {
    const frame = JSON.parse(String(text)) as ReplyFrame | EventFrame
    if ('event' in frame)
      return listeners.forEach((listener) => listener(frame.event as never, frame.data as never))
    const call = waiting.get(frame.id)!
    waiting.delete(frame.id)
    if ('error' in frame) call.reject(toError(frame.error))
    else call.resolve(frame.ok)
  })
  const invoke = ((method: string, input: unknown) =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, { resolve, reject })
      socket.send(JSON.stringify({ id, method, input }))
    })) as Client['invoke']

  const send = async (upload: string, file: string, relative: string): Promise<void> => {
    const answer = await fetch(`${origin}/upload/${upload}?path=${encodeURIComponent(relative)}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${session}`, Origin: origin },
      body: new Uint8Array(fs.readFileSync(file)),
    })
    if (answer.status !== 204) throw new Error(await answer.text())
  }
  return {
    invoke,
    onAny: (listener) => void listeners.push(listener as never),
    async hand(file) {
      const folder = fs.statSync(file).isDirectory()
      const { upload } = await invoke('files.begin', { name: path.basename(file), folder })
      const parts = folder ? fs.readdirSync(file, { recursive: true, encoding: 'utf8' }) : ['']
      for (const part of parts) {
        const full = path.join(file, part)
        if (fs.statSync(full).isFile()) await send(upload, full, part || path.basename(file))
      }
      return invoke('files.finish', { upload })
    },
    killEngine: () => shell.processes.forEach((process) => process.kill()),
    async close() {
      socket.terminate()
      await shell.close()
    },
  }
}
