/** Jobs about data: what it is, how the original scores on it, what single samples look like. */
import { createWriteStream } from 'node:fs'
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { SPLITS, type SamplePreview } from '../../contract/dataset'
import { diskError, PareError } from '../../contract/errors'
import type { Dataset } from '../data/dataset'
import { fingerprint } from '../data/fingerprint'
import { findPreprocessing } from '../data/find'
import { openZip } from '../data/zip'
import { measureQuality } from '../evaluate/quality'
import { readModel } from '../onnx'
import { requireDisk } from '../onnx/budget'
import { clearLeft } from '../../disk/left'
import { chosenSession, forgetOpenData, withOpenData } from './data'
import { doubtsOf } from './doubts'
import { evidenceOf } from './evidence'
import type { JobHandlers } from './job'

/** Of the split that is measured on, or one that has any. */
function firstSamples({ splits }: Dataset, most: number): Promise<SamplePreview[]> {
  const { length, preview } =
    SPLITS.map((name) => splits[name]).findLast(({ length }) => length > 0) ?? splits.validation
  return Promise.all(Array.from({ length: Math.min(most, length) }, (_, index) => preview(index)))
}

export const dataJobs: JobHandlers<'openData' | 'describeData' | 'findPreprocessing' | 'samples' | 'unpack'> =
  {
    openData: async ({ model, data, settings, show }, { emit, progress, signal }) => {
      // Whoever opens it wants it as it is now.
      await forgetOpenData()
      return withOpenData(
        model,
        data,
        async (dataset) => {
          const { session } = await chosenSession(settings)
          const summary = dataset.summary()
          if (show) emit('opened', { summary, samples: await firstSamples(dataset, show) })
          progress(0, 'Scoring the original on the validation samples')
          const { original } = await measureQuality(model, [], {
            dataset,
            session,
            signal,
            progress: (done, total) =>
              progress(done / total, `Scoring the original: ${done} of ${total} samples`),
          })
          const evidence = evidenceOf(original, dataset.classes?.length ?? 0)
          return {
            summary,
            spec: dataset.spec,
            baseline: original.quality,
            looksLikeChance: evidence !== 'told',
            doubts: await doubtsOf(dataset, summary, original, evidence),
          }
        },
        progress,
      )
    },
    describeData: ({ model, data }) =>
      withOpenData(model, data, async (dataset) => ({
        fingerprint: await fingerprint(dataset.path),
        spec: dataset.spec,
      })),
    findPreprocessing: ({ model, data, settings, when, baseline }, { progress, signal }) =>
      withOpenData(model, data, async (dataset) => {
        const { session } = await chosenSession(settings)
        const read = readModel(model)
        const sign = baseline.higherIsBetter ? 1 : -1
        const score = async (variant: Dataset): Promise<number> =>
          sign *
          (await measureQuality(read, [], { dataset: variant, session, signal })).original.quality.value
        const value = sign * baseline.value
        const findings = await findPreprocessing(read, dataset, score, { when, value, signal, progress })
        return findings.map(({ preprocessing, classes, value, by, better, explanation }) => ({
          preprocessing,
          ...(classes && { classes: [...classes] }),
          score: by ? value : sign * value,
          ...(by && { by }),
          better,
          explanation,
        }))
      }),
    samples: ({ model, data, split, offset, limit }, { progress }) =>
      withOpenData(
        model,
        data,
        async (dataset) => {
          const { length, preview } = dataset.splits[split]
          const wanted = Array.from(
            { length: Math.max(0, Math.min(limit, length - offset)) },
            (_, i) => offset + i,
          )
          return { total: length, samples: await Promise.all(wanted.map((index) => preview(index))) }
        },
        progress,
      ),
    async unpack({ archive, into }, { progress }) {
      const parent = path.dirname(into)
      clearLeft(into)
      const temporary = `${into}.${process.pid}.tmp`
      fs.rmSync(temporary, { recursive: true, force: true })
      const zip = await openZip(archive)
      try {
        const total = zip.entries.reduce((sum, { size }) => sum + size, 0)
        fs.mkdirSync(parent, { recursive: true })
        requireDisk(total, `unpacking “${path.basename(archive)}”`, parent)
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
