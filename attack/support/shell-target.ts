/** The browser shell under attack: a process of its own, its port, and a session as an admitted window has one. */
import { spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { WebSocket } from 'ws'
import type { MethodInput, MethodName, MethodOutput } from '../../src/contract/app'
import { toError } from '../../src/contract/errors'
import type { EventFrame, ReplyFrame } from '../../src/contract/wire'

/** The shell ended. */
export class Gone extends Error {}

/** Time in which a shell that serves has answered. */
const ANSWER_MS = 10_000

export class ShellTarget {
  private constructor(
    readonly process: ChildProcess,
    readonly port: number,
    readonly session: string,
    private readonly dataDir: string,
    private readonly written: () => string,
  ) {}

  /** `entry` is the built browser shell. Rejects where it ends before it serves. */
  static async start(
    entry: string,
    dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-hostile-')),
  ): Promise<ShellTarget> {
    const shell = spawn(process.execPath, [entry], {
      env: { ...process.env, PARE_NO_OPEN: '1', PARE_DATA_DIR: dataDir },
    })
    let written = ''
    shell.stderr.on('data', (chunk) => (written += String(chunk)))
    const { origin, hash, port } = await new Promise<URL>((resolve, reject) => {
      shell.once('exit', () => reject(new Gone()))
      shell.stdout.on('data', (chunk) => {
        const found = /http:\S+/.exec(String(chunk))
        if (found) resolve(new URL(found[0]))
      })
    })
    const answer = await fetch(`${origin}/session`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${hash.slice('#token='.length)}`,
        Origin: origin,
        'X-Pare-Page': 'a page',
      },
    })
    const { session } = (await answer.json()) as { session: string }
    return new ShellTarget(shell, Number(port), session, dataDir, () => written)
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** A socket of an admitted window. */
  open(): WebSocket {
    const { origin, port, session } = this
    return new WebSocket(`ws://127.0.0.1:${port}/socket`, ['pare', session], { origin })
  }

  /** The start of an admitted window's socket, as bytes. */
  handshake(): string[] {
    return [
      'GET /socket HTTP/1.1',
      `Host: 127.0.0.1:${this.port}`,
      `Origin: ${this.origin}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]
  }

  /** Sends bytes, says that there are no more, and waits until the shell has hung up. */
  send(...pieces: Buffer[]): Promise<void> {
    return new Promise((resolve) => {
      const socket = net.connect(this.port, '127.0.0.1', () => {
        for (const piece of pieces) socket.write(piece)
        socket.end()
      })
      socket.resume()
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
    })
  }

  /** What is wrong; undefined while it serves and has complained of nothing. */
  async fault(): Promise<string | undefined> {
    if (this.written() !== '') return this.written().slice(0, 2000)
    if (this.process.exitCode !== null) return `it ended with ${this.process.exitCode}`
    const socket = this.open()
    try {
      return await new Promise<string | undefined>((resolve) => {
        const late = setTimeout(() => resolve('no answer'), ANSWER_MS)
        late.unref()
        socket.once('error', (cause) => resolve(cause.message))
        socket.once('open', () => socket.send(JSON.stringify({ id: 7, method: 'settings.get' })))
        socket.on('message', (text) => String(text).includes('"id":7') && resolve(undefined))
      })
    } finally {
      socket.terminate()
    }
  }

  /** Rejects with the error's data where the app says no, and with `Gone` where it ends meanwhile. */
  async invoke<M extends MethodName>(method: M, input?: MethodInput<M>): Promise<MethodOutput<M>> {
    const socket = this.open()
    try {
      return await new Promise((resolve, reject) => {
        socket.once('error', () => reject(new Gone()))
        socket.once('close', () => reject(new Gone()))
        socket.once('open', () => socket.send(JSON.stringify({ id: 1, method, input })))
        socket.on('message', (text) => {
          const frame = JSON.parse(String(text)) as EventFrame | ReplyFrame
          if ('error' in frame) reject(toError(frame.error))
          else if ('id' in frame) resolve(frame.ok as MethodOutput<M>)
        })
      })
    } finally {
      socket.terminate()
    }
  }

  /** Hands a file over as a page does. */
  async upload(file: string): Promise<string> {
    const name = path.basename(file)
    const { upload } = await this.invoke('files.begin', { name, folder: false })
    const sent = await fetch(`${this.origin}/upload/${upload}?path=${encodeURIComponent(name)}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.session}`, Origin: this.origin },
      body: fs.readFileSync(file),
    }).catch(() => undefined)
    if (!sent?.ok) throw new Gone()
    return (await this.invoke('files.finish', { upload })).id
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.process
    if (exitCode !== null || signalCode !== null) return
    const ended = new Promise((resolve) => this.process.once('exit', resolve))
    if (this.process.kill()) await ended
  }

  async stop(): Promise<void> {
    await this.end()
    fs.rmSync(this.dataDir, { recursive: true, force: true })
  }
}
