/** The browser shell under attack: a process of its own, its port, and a session as an admitted window has one. */
import { spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { WebSocket } from 'ws'

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

  /** `entry` is the built browser shell. */
  static async start(entry: string): Promise<ShellTarget> {
    const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-hostile-'))
    const shell = spawn(process.execPath, [entry], {
      env: { ...process.env, PARE_NO_OPEN: '1', PARE_DATA_DIR: dataDir },
    })
    let written = ''
    shell.stderr.on('data', (chunk) => (written += String(chunk)))
    const { origin, hash, port } = await new Promise<URL>((resolve) => {
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

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve))
    if (this.process.exitCode === null && this.process.kill()) await ended
    fs.rmSync(this.dataDir, { recursive: true, force: true })
  }
}
