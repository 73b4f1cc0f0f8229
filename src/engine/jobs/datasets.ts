/** Jobs about data: what it is, how the original scores on it, what single samples look like. */
import { createWriteStream } from 'node:fs'
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { PareError } from '../../contract/errors'
import type { Quality } from '../../contract/report'
import { openZip } from '../data/zip'
import { measureQuality } from '../evaluate/quality'
import { diskError } from '../onnx'
import { sessionOptions, withData } from './data'
import type { JobHandlers } from './job'

/** True where the score could as well come from guessing, which mostly means wrong preprocessing. */
export function looksLikeChance(
  { task, metric, value, interval, samples }: Quality,
  classes: number | undefined,
): boolean {
  if (task === 'classification' && metric === 'accuracy' && classes && classes > 1) {
    // Guessing gets 1/classes right; its own spread over so few samples is allowed for.
    const guess = 1 / classes
    const spread = 1.96 * Math.sqrt((guess * (1 - guess)) / Math.max(1, samples))
    return value <= guess + spread || interval[0] <= guess
  }
  return task === 'regression' && metric === 'r2' && value <= 0
}

const UNPACKED_LIMIT = 64 * 2 ** 30

export const dataJobs: JobHandlers<'openData' | 'samples' | 'unpack'> = {
  openData: ({ model, data, settings }, { progress, signal }) =>
    withData(
      model,
      data,
      async (dataset) => {
        progress(0, 'Scoring the original on the validation samples')
        const { original } = await measureQuality(model, [], {
          dataset,
          session: sessionOptions(settings),
          signal,
          progress: (done, total) =>
            progress(done / total, `Scoring the original: ${done} of ${total} samples`),
        })
        return {
          summary: dataset.summary(),
          baseline: original.quality,
          looksLikeChance: looksLikeChance(original.quality, dataset.classes?.length),
        }
      },
      progress,
    ),
  samples: ({ model, data, split, offset, limit }) =>
    withData(model, data, async (dataset) => {
      const { length, preview } = dataset.splits[split]
      const wanted = Array.from(
        { length: Math.max(0, Math.min(limit, length - offset)) },
        (_, i) => offset + i,
      )
      return { total: length, samples: await Promise.all(wanted.map((index) => preview(index))) }
    }),
  async unpack({ archive, into }, { progress }) {
    const temporary = `${into}.${process.pid}.tmp`
    fs.rmSync(temporary, { recursive: true, force: true })
    const zip = await openZip(archive)
    try {
      const total = zip.entries.reduce((sum, { size }) => sum + size, 0)
      if (total > UNPACKED_LIMIT)
        throw new PareError('data/unreadable', {
          path: archive,
          reason: `it unpacks to ${Math.round(total / 1e9)} GB`,
        })
      let done = 0
      for (const entry of zip.entries) {
        const target = path.resolve(temporary, entry.name)
        const relative = path.relative(temporary, target)
        if (relative.startsWith('..') || path.isAbsolute(relative))
          throw new PareError('data/unreadable', {
            path: archive,
            reason: `“${entry.name}” in it points outside the archive`,
          })
        fs.mkdirSync(path.dirname(target), { recursive: true })
        await pipeline(await entry.stream(), createWriteStream(target))
        progress((done += entry.size) / Math.max(1, total), 'Unpacking')
      }
      fs.rmSync(into, { recursive: true, force: true })
      fs.mkdirSync(path.dirname(into), { recursive: true })
      fs.renameSync(temporary, into)
    } catch (cause) {
      fs.rmSync(temporary, { recursive: true, force: true })
      throw diskError(cause, into, 0)
    } finally {
      zip.close()
    }
    return { folder: into }
  },
}
