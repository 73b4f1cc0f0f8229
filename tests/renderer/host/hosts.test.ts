import { afterEach, describe, expect, it, vi } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import { browserHost } from '../../../src/renderer/host/browser'
import { electronHost } from '../../../src/renderer/host/bridged'
import { inParallel, packs, uploadUnits } from '../../../src/renderer/host/upload'

afterEach(() => vi.unstubAllGlobals())

describe('uploads', () => {
  const file = {} as File
  it('takes loose files one by one and folders whole', () => {
    const units = uploadUnits([
      { file, relativePath: 'model.onnx' },
      { file, relativePath: 'digits/0/a.png' },
      { file, relativePath: 'digits/1/b.png' },
    ])
    expect(units.map(({ name, folder, files }) => [name, folder, files.map(({ path }) => path)])).toEqual([
      ['model.onnx', false, ['model.onnx']],
      ['digits', true, ['0/a.png', '1/b.png']],
    ])
  })

  it('announces folders that hold nothing', () => {
    const units = uploadUnits([
      { file: undefined, relativePath: 'nothing/' },
      { file: undefined, relativePath: 'deep/er/' },
    ])
    expect(units.map(({ name, files }) => [name, files.length])).toEqual([
      ['nothing', 0],
      ['deep', 0],
    ])
  })

  it('sends 20,000 small files in 20 requests, in their order, and a large one alone', () => {
    const of = (size: number, path: string) => ({ file: { size } as File, path })
    const small = Array.from({ length: 20_000 }, (_, i) => of(4000, `${i}.png`))
    const sent = packs([...small, of(2 ** 30, 'film.wav')])
    expect(sent).toHaveLength(21)
    expect(sent.flat().map(({ path }) => path)).toEqual([...small.map(({ path }) => path), 'film.wav'])
    expect(sent.at(-1)).toHaveLength(1)
  })

  it('runs a few at a time and every one once', async () => {
    let now = 0
    let most = 0
    const seen: number[] = []
    await inParallel([...Array(20).keys()], 4, async (item) => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 1))
      seen.push(item)
      now--
    })
    expect(most).toBe(4)
    expect(seen.sort((a, b) => a - b)).toEqual([...Array(20).keys()])
  })
})

describe('under Electron', () => {
  const bridge = { invoke: vi.fn(), on: vi.fn(), adopt: vi.fn() }
  it('gives answers and throws errors whole', async () => {
    const host = electronHost(bridge)!
    bridge.invoke.mockResolvedValueOnce({ ok: { waiting: [] } })
    expect(await host.invoke('queue.get', undefined)).toEqual({ waiting: [] })
    bridge.invoke.mockResolvedValueOnce({ error: { code: 'data/empty', path: 'x' } })
    await expect(host.invoke('queue.get', undefined)).rejects.toMatchObject({
      code: 'data/empty',
      data: { path: 'x' },
    })
    bridge.adopt.mockResolvedValueOnce({ ok: [] })
    await host.filesOf([{ file: 'a file', relativePath: 'x' }])
    expect(bridge.adopt).toHaveBeenCalledWith(['a file'])
  })
  it('is not there without a bridge', () => {
    vi.stubGlobal('window', {})
    expect(electronHost()).toBeUndefined()
  })
})

class FakeSocket {
  static made: FakeSocket[] = []
  onopen?: () => void
  onmessage?: (message: { data: string }) => void
  onclose?: (close: { code: number }) => void
  sent: string[] = []
  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.made.push(this)
    queueMicrotask(() => this.onopen?.())
  }
  send(text: string): void {
    this.sent.push(text)
  }
  say(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
}

async function connected() {
  FakeSocket.made = []
  const kept = new Map<string, string>()
  const fetched = vi.fn(async (_: string, init?: { headers: Record<string, string> }) => {
    void init
    return { ok: true, json: async () => ({ session: 's3ss10n' }), text: async () => '' }
  })
  vi.stubGlobal('location', { hash: '#token=0nce', protocol: 'http:', host: '127.0.0.1:9', pathname: '/' })
  vi.stubGlobal('history', { replaceState: vi.fn() })
  for (const store of ['sessionStorage', 'localStorage'])
    vi.stubGlobal(store, {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    })
  vi.stubGlobal('fetch', fetched)
  vi.stubGlobal('WebSocket', FakeSocket)
  const host = await browserHost()
  return { host, socket: FakeSocket.made[0]!, fetched, kept }
}

describe('in the browser shell', () => {
  it('trades the one-time token for a session and hides it from the address', async () => {
    const { socket, fetched, kept } = await connected()
    const page = kept.get('pare.page')
    expect(page).toMatch(/^[0-9a-f-]{36}$/)
    expect(fetched.mock.calls[0]).toEqual([
      '/session',
      { method: 'POST', headers: { Authorization: 'Bearer 0nce', 'x-pare-page': page } },
    ])
    expect(history.replaceState).toHaveBeenCalledWith(null, '', '/')
    expect(kept.get('pare.session')).toBe('s3ss10n')
    expect([socket.url, socket.protocols]).toEqual(['ws://127.0.0.1:9/socket', ['pare', 's3ss10n']])
  })

  it('matches answers to calls, whatever their order', async () => {
    const { host, socket } = await connected()
    const first = host.invoke('queue.get', undefined)
    const second = host.invoke('projects.list', undefined)
    await vi.waitFor(() => expect(socket.sent).toHaveLength(2))
    socket.say({ id: 2, ok: ['second'] })
    socket.say({ id: 1, error: { code: 'cancelled', during: 'it' } })
    expect(await second).toEqual(['second'])
    await expect(first).rejects.toBeInstanceOf(PareError)
  })

  it('passes events to those who listen, and to nobody after', async () => {
    const { host, socket } = await connected()
    const heard = vi.fn()
    const off = host.on('queue.changed', heard)
    socket.say({ event: 'queue.changed', data: {} })
    off()
    socket.say({ event: 'queue.changed', data: {} })
    expect(heard).toHaveBeenCalledTimes(1)
  })

  it('fails what is under way when the connection is lost, and tries again', async () => {
    const { host, socket } = await connected()
    const states: string[] = []
    host.onConnection((state) => states.push(state))
    const call = host.invoke('queue.get', undefined)
    await vi.waitFor(() => expect(socket.sent).toHaveLength(1))
    socket.onclose?.({ code: 1006 })
    await expect(call).rejects.toMatchObject({ code: 'app/connection-lost' })
    await vi.waitFor(() => expect(states).toEqual(['lost', 'open']))
    expect(FakeSocket.made).toHaveLength(2)
    FakeSocket.made[1]!.onclose?.({ code: 4401 })
    expect(states.at(-1)).toBe('ended')
  })
})
