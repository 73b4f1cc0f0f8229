/** Jobs that compress and measure. */
import path from 'node:path'
import type { Footprint, Report } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import { reportOn } from '../evaluate/report'
import { modelSize } from '../evaluate/size'
import { footprintOn } from '../export/footprint'
import { readModel } from '../onnx'
import { isTold } from '../run/basis'
import { RunFolder } from '../run/checkpoints'
import { compress } from '../run/compress'
import { expectedSeconds, extentOf } from '../run/expected'
import { expectedBytes } from '../run/expected-size'
import { locked } from '../run/lock'
import { recordBeside } from '../run/record'
import { findTarget } from '../targets'
import type { Target } from '../targets/target'
import { chosenSession, withData, withOpenData } from './data'
import type { JobHandlers } from './job'
import { pluginsIn } from './plugins'

/** What a run is for: what was asked, or what an earlier one in the folder was for. Throws `target/unknown`. */
export const targetOf = (target: string | undefined, folder: string, resume: boolean): Target =>
  findTarget(target ?? (resume ? RunFolder.targetIn(folder) : undefined) ?? 'any')

/** Where finished passes lie; absent where a key could not tell all that decides them: plug-ins may change at any time. */
export const cacheOf = (
  { folder, cache = path.join(folder, 'cache') }: { folder: string; cache?: string },
  data: Dataset,
): string | undefined =>
  pluginsIn(process.env.PARE_PLUGINS).length === 0 && isTold(data) ? cache : undefined

const noted = (report: Report, word: string | undefined): Report =>
  word ? { ...report, notes: [...report.notes, word] } : report

const onTarget =
  (target: Target) =>
  (file: string): Promise<Footprint | undefined> =>
    footprintOn(readModel(file), target)

export const runJobs: JobHandlers<'compress' | 'expect' | 'evaluate' | 'compare' | 'record'> = {
  compress: async ({ model, data, settings, target: asked, ...request }, context) => {
    const target = targetOf(asked, request.folder, request.resume)
    return locked(request.folder, () =>
      withData(
        model,
        data,
        async (dataset, same) => {
          const { session, word } = await chosenSession(settings)
          return compress({
            ...request,
            same,
            original: model,
            data: dataset,
            asked: data,
            cache: cacheOf(request, dataset),
            session,
            notes: word ? [word] : [],
            target,
            probe: context.probe,
            signal: context.signal,
            stopRequested: () => context.stopRequested(),
            progress: (report) => context.emit('progress', report),
            point: (at) => context.emit('point', at),
            step: (at) => context.emit('step', at),
            candidate: (candidate, original) => context.emit('candidate', { candidate, original }),
          })
        },
        (_, doing) => context.progress(0, doing),
        [request.folder, request.into, request.sensitivities, request.cache],
      ),
    )
  },
  expect: ({ model, data, recipe }, { progress }) =>
    withOpenData(
      model,
      data,
      async (dataset) => {
        const read = readModel(model)
        const { bytes: originalBytes } = modelSize(read)
        progress(0.5, 'Timing the model')
        const expected = expectedSeconds([recipe], await extentOf(read, dataset))
        const steps = expected.steps.flat()
        return {
          seconds: steps.reduce((sum, seconds) => sum + seconds, expected.measuring),
          steps,
          originalBytes,
          bytes: expectedBytes(recipe, read, originalBytes),
        }
      },
      progress,
    ),
  evaluate: ({ model, data, settings, split, target = 'any' }, { probe, signal, progress }) =>
    withData(model, data, async (dataset) => {
      const { session, word } = await chosenSession(settings)
      const { original } = await reportOn({
        original: model,
        candidates: [],
        dataset,
        split,
        session,
        footprint: onTarget(findTarget(target)),
        probe,
        signal,
        progress,
      })
      return noted(original.report, word)
    }),
  record: ({ model }) => ({ record: recordBeside(model) }),
  compare: ({ model, candidates, data, settings, target = 'any', split }, { probe, signal, progress }) =>
    withData(model, data, async (dataset) => {
      const { session, word } = await chosenSession(settings)
      const measured = await reportOn({
        original: model,
        candidates: candidates.map((candidate) => ({ path: candidate.model })),
        dataset,
        split,
        session,
        target: findTarget(target),
        footprint: onTarget(findTarget(target)),
        probe,
        signal,
        progress,
      })
      return {
        original: noted(measured.original.report, word),
        candidates: measured.candidates.map(({ report }) => noted(report, word)),
      }
    }),
}
