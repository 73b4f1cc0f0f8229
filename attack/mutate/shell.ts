/** Seeded bytes that anybody on the machine, or a page in any browser, may send to the shell's port. */
import { methods } from '../../src/contract/app'
import type { Random } from '../../src/engine/math/random'

const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)]!

const TARGETS =
  '/ /socket /session /upload/x?path=a /download/x /index.html //[ /socket?[ http://[ * %%% /%zz /..%2f.. //evil@[::1 ?'.split(
    ' ',
  )
const METHODS = ['GET', 'GET', 'GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'CONNECT', 'DELETE', 'g\0t', '']
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/', '']
const VALUES = [
  '',
  ' ',
  '*',
  'null',
  '[',
  'pare',
  'pare, x',
  ',,,',
  '=',
  '\x01',
  'é',
  '-1',
  '1e9',
  'chunked',
  'close',
]
const HEADERS =
  'Host Origin Authorization Upgrade Connection Sec-WebSocket-Key Sec-WebSocket-Version Sec-WebSocket-Protocol Sec-WebSocket-Extensions X-Pare-Page Content-Length Transfer-Encoding Expect Content-Type Cookie'.split(
    ' ',
  )

/** A request as the page sends one, before it is spoilt: plain, or the start of a WebSocket. */
function honest(random: Random, port: number): string[] {
  const host = [`Host: 127.0.0.1:${port}`]
  const origin = `Origin: http://127.0.0.1:${port}`
  if (random.next() < 0.4) return random.next() < 0.5 ? host : [...host, origin, 'Authorization: Bearer x']
  return [
    ...host,
    origin,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: pare, not-a-session',
  ]
}

function flipped(random: Random, bytes: Buffer, most: number): Buffer {
  const copy = Buffer.from(bytes)
  for (let left = random.below(most + 1); left > 0 && copy.length > 0; left--)
    copy[random.below(copy.length)] = random.below(256)
  return random.next() < 0.1 ? copy.subarray(0, random.below(copy.length + 1)) : copy
}

/** One request, as the bytes on the wire; some go on with what a WebSocket would carry. */
export function hostileRequest(random: Random, port: number): Buffer {
  const target = random.next() < 0.1 ? `/${'a'.repeat(random.below(20_000))}` : pick(random, TARGETS)
  const lines = [`${pick(random, METHODS)} ${target} ${pick(random, VERSIONS)}`, ...honest(random, port)]
  for (let extra = random.below(4); extra > 0; extra--) {
    const line = `${pick(random, HEADERS)}: ${pick(random, VALUES)}`
    lines.splice(1 + random.below(lines.length), random.below(2), line)
  }
  if (random.next() < 0.02) for (let i = 0; i < 300; i++) lines.push(`X-${i}: ${'v'.repeat(100)}`)
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  const body = random.next() < 0.5 ? Buffer.alloc(0) : frameOf(random, hostileText(random))
  return flipped(random, Buffer.concat([head, body]), random.next() < 0.5 ? 0 : 6)
}

const NAMES = Object.keys(methods)
const WORDS = [
  ...NAMES,
  '',
  '__proto__',
  'constructor',
  'toString',
  'run.ended',
  '\0',
  '../..',
  'x'.repeat(500),
]

function hostileValue(random: Random, depth = 0): unknown {
  const kind = random.below(depth > 3 ? 6 : 9)
  if (kind === 0) return null
  if (kind === 1) return random.next() < 0.5
  if (kind === 2) return pick(random, [0, -1, 0.5, 1e308, 2 ** 53, random.below(1000)])
  if (kind < 6) return pick(random, WORDS)
  const values = Array.from({ length: random.below(4) }, () => hostileValue(random, depth + 1))
  const keys = ['project', 'run', 'id', 'name', 'goal', 'file', 'candidate', '__proto__', 'path', 'recipe']
  return kind === 6 ? values : Object.fromEntries(values.map((value) => [pick(random, keys), value]))
}

/** What a frame may carry: no JSON, JSON that is no request, and requests that ask nonsense. */
export function hostileText(random: Random): Buffer {
  const kind = random.below(4)
  if (kind === 0) return Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)))
  if (kind === 1) return Buffer.from(JSON.stringify(hostileValue(random)) ?? '')
  const input = random.next() < 0.3 ? undefined : hostileValue(random)
  const frame = {
    id: random.next() < 0.8 ? random.below(100) : hostileValue(random),
    method: pick(random, WORDS),
    input,
  }
  const text = JSON.stringify(frame)
  return kind === 2 ? Buffer.from(text) : flipped(random, Buffer.from(text), 4)
}

/** RFC 6455, section 5.2: masked, as a page sends it; the header is spoilt now and then. */
export function frameOf(random: Random, payload: Buffer): Buffer {
  const spoilt = random.next() < 0.3
  const first = spoilt ? random.below(256) : 0x81
  const claimed = spoilt && random.next() < 0.5 ? random.below(70_000) : payload.length
  const length =
    claimed < 126
      ? [0x80 | claimed]
      : claimed < 65_536
        ? [0x80 | 126, claimed >> 8, claimed & 255]
        : [0x80 | 127, 0, 0, 0, 0, 0, (claimed >> 16) & 255, (claimed >> 8) & 255, claimed & 255]
  const mask = Buffer.from([random.below(256), random.below(256), random.below(256), random.below(256)])
  const masked = Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]!))
  return Buffer.concat([Buffer.from([first, ...length]), mask, masked])
}
