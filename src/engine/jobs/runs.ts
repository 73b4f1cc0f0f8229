/** Jobs that compress and measure. */
import type { Target } from '../../contract/goal'
import type { Report } from '../../contract/report'
import { reportOn } from '../evaluate/report'
import type { PassContext } from '../passes/pass'
import { compress } from '../run/compress'
import { locked } from '../run/lock'
import { chosenSession, withData } from './data'
import type { JobHandlers } from './job'

/** What passes are told of the target: a Raspberry Pi has no instructions for int8 dot products. */
export const passTarget = (target: Target): PassContext['target'] =>
  target === 'raspberry-pi' ? 'cpu-no-vnni' : target

const noted = (report: Report, word: string | undefined): Report =>
  word ? { ...report, notes: [...report.notes, word] } : report

export const runJobs: JobHandlers<'compress' | 'evaluate' | 'compare'> = {
  compress: ({ model, data, settings, target, ...request }, context) =>
    locked(request.folder, () =>
      withData(
        model,
        data,
        async (dataset) => {
          const { session, word } = await chosenSession(settings)
          return compress({
            ...request,
            original: model,
            data: dataset,
            session,
            notes: word ? [word] : [],
            target: passTarget(target),
            device: target,
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
      ),
    ),
  evaluate: ({ model, data, settings, split }, { probe, signal, progress }) =>
    withData(model, data, async (dataset) => {
      const { session, word } = await chosenSession(settings)
      const { original } = await reportOn({
        original: model,
        candidates: [],
        dataset,
        split,
        session,
        probe,
        signal,
        progress,
      })
      return noted(original.report, word)
    }),
  compare: ({ model, candidates, data, settings }, { probe, signal, progress }) =>
    withData(model, data, async (dataset) => {
      const { session, word } = await chosenSession(settings)
      const measured = await reportOn({
        original: model,
        candidates: candidates.map((candidate) => ({ path: candidate.model })),
        dataset,
        session,
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
