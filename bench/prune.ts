/** Channel pruning with refitting, SparseGPT and whitened SVD on a residual network: time, memory, and what they save. */
import { inChild } from './support/child'
import type { Entry, Figure } from './support/figure'

const tasks = new URL('./prune-tasks.js', import.meta.url).href
const SAMPLES = 256

const WORK = [
  ['channels', 'channel pruning 30% with least-squares refitting'],
  ['sparsegpt', 'SparseGPT 50%'],
  ['lowRank', 'whitened, refitted SVD at half the numbers'],
] as const

export const entry: Entry = {
  about: 'pruning and factorization of a residual network with 900,000 weights, each in a process of its own',
  async run() {
    const idle = await inChild<number>(tasks, 'nothing')
    const figures: Figure[] = [
      { what: 'a process that does nothing: peak memory', value: idle.peakMegabytes, unit: 'MB' },
    ]
    const errors = new Map<string, number>()
    for (const [task, what] of WORK) {
      const { result, seconds, peakMegabytes } = await inChild<number>(tasks, task, String(SAMPLES))
      errors.set(task, result)
      figures.push(
        { what: `${what}: time`, value: seconds, unit: 's' },
        { what: `${what}: peak memory`, value: peakMegabytes, unit: 'MB' },
      )
    }
    const bare = await inChild<number>(tasks, 'bareChannels', String(SAMPLES))
    const plain = await inChild<number>(tasks, 'plainLowRank', String(SAMPLES))
    const more = await inChild<number>(tasks, 'channels', String(4 * SAMPLES))
    figures.push(
      {
        what: 'error without refitting over error with it',
        value: bare.result / errors.get('channels')!,
        unit: '×',
        wanted: { atLeast: 2 },
      },
      {
        what: 'error of plain SVD over that of whitened and refitted',
        value: plain.result / errors.get('lowRank')!,
        unit: '×',
        wanted: { atLeast: 15 },
      },
      {
        what: 'memory with four times the samples',
        value: more.peakMegabytes / peakOf(figures),
        unit: '×',
        wanted: { atMost: 1.25 },
      },
    )
    return figures
  },
}

const peakOf = (figures: readonly Figure[]): number =>
  figures.find(({ what }) => what.startsWith(`${WORK[0][1]}: peak`))!.value
