import path from 'node:path'
import { seeded } from '../../src/engine/math/random'
import { frameOf, hostileRequest, hostileText } from '../mutate/shell'
import type { Attack, Finding } from '../support/attack'
import { ShellTarget } from '../support/shell-target'

const AT_ONCE = 24

export const attack: Attack = {
  about: 'requests before a session is known and frames of an admitted window: the shell goes on serving',
  count: 10_000,
  async *run({ seed, count, seconds, built }): AsyncIterable<Finding> {
    const shell = await ShellTarget.start(path.join(built, 'browser-shell.js'))
    const until = Date.now() + seconds * 1000
    const head = [...shell.handshake(), `Sec-WebSocket-Protocol: pare, ${shell.session}`, '\r\n'].join('\r\n')
    try {
      for (let from = 0; from < count && Date.now() < until; from += AT_ONCE) {
        const size = Math.min(AT_ONCE, count - from)
        const sent = Array.from({ length: size }, (_, i) => {
          const random = seeded(seed).fork(`shell ${from + i}`)
          if ((from + i) % 2 === 0) return [hostileRequest(random, shell.port)]
          return [Buffer.from(head), frameOf(random, hostileText(random))]
        })
        await Promise.all(sent.map((pieces) => shell.send(...pieces)))
        const fault = await shell.fault()
        for (let i = 0; i < size; i++)
          yield {
            case: `request #${from + i}`,
            verdict: fault === undefined ? 'ok' : 'crash',
            ...(fault !== undefined && { detail: fault }),
          }
        if (fault !== undefined) return
      }
    } finally {
      await shell.stop()
    }
  },
}
