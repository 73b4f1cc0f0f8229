/** Jobs that compress and measure. */
import type { Target } from '../../contract/goal'
import { reportOn } from '../evaluate/report'
import type { PassContext } from '../passes/pass'
import { compress } from '../run/compress'
import { sessionOptions, withData } from './data'
import type { JobHandlers } from './job'

/** What passes are told of the target: a Raspberry Pi has no instructions for int8 dot products. */
export const passTarget = (target: Target): PassContext['target'] =>
  target === 'raspberry-pi' ? 'cpu-no-vnni' : target

export const runJobs: JobHandlers<'compress' | 'evaluate' | 'compare'> = {
  compress: ({ model, data, settings, target, ...request }, context) =>
    withData(
      model,
      data,
      (dataset) =>
        compress({
          ...request,
          original: model,
          data: dataset,
          session: sessionOptions(settings),
          target: passTarget(target),
          probe: context.probe,
          signal: context.signal,
          stopRequested: () => context.stopRequested(),
          progress: (report) => context.emit('progress', report),
          point: (at) => context.emit('point', at),
          step: (at) => context.emit('step', at),
          candidate: (candidate, original) => context.emit('candidate', { candidate, original }),
        }),
      (_, doing) => context.progress(0, doing),
    ),
  evaluate: ({ model, data, settings, split }, { probe, signal, progress }) =>
    withData(model, data, async (dataset) => {
      const session = sessionOptions(settings)
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
      return original.report
    }),
  compare: ({ model, candidates, data, settings }, { probe, signal, progress }) =>
    withData(model, data, async (dataset) => {
      const measured = await reportOn({
        original: model,
        candidates: candidates.map((candidate) => ({ path: candidate.model })),
        dataset,
        session: sessionOptions(settings),
        probe,
        signal,
        progress,
      })
      return {
        original: measured.original.report,
        candidates: measured.candidates.map(({ report }) => report),
      }
    }),
}
