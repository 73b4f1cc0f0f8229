/** The Compare step: original against candidates of one run, on the samples both were measured with. */
import path from 'node:path'
import type { ComparedModels, Results } from '../engine/jobs/protocol'
import { badRequest, modelAndDataOf, type Core } from './core'
import type { Handlers, Parts } from './parts'
import { fileName } from './recipes'
import { candidateModel, candidateOf } from './candidates'
import { candidateName } from './view'

type Compared = ComparedModels & Results

/** Candidates must have been measured with the same model and data: only then are rows the same samples. */
function compared(core: Core, ids: readonly string[]): Compared {
  const { store } = core
  const found = ids.map((id) => candidateOf(store, id))
  const [first] = found
  const alike = found.every(
    ({ run }) => run.model.sha256 === first!.run.model.sha256 && run.data.key === first!.run.data.key,
  )
  if (!alike) throw badRequest('compare', 'These candidates were measured with different models or data.')
  const { quality, classes } = first!.run.original!
  return {
    ...modelAndDataOf(core, first!.run),
    task: quality.task,
    ...(classes && { classes }),
    candidates: found.map(({ run, candidate }, index) => ({
      name: candidateName(run, candidate),
      model: candidateModel(store, ids[index]!),
    })),
    results: found.map(({ candidate }) => path.join(candidate.folder, 'samples.json')),
  }
}

export function compareHandlers({ core }: Parts) {
  return {
    'compare.samples': ({ candidates, filter, class: only, offset, limit }) =>
      core.interactive.run(
        'compareSamples',
        { ...compared(core, candidates), filter, ...(only !== undefined && { class: only }), offset, limit },
        { during: 'reading samples' },
      ),
    'compare.sample': ({ candidates, index }) =>
      core.interactive.run(
        'compareSample',
        { ...compared(core, candidates), index },
        { during: 'reading a sample' },
      ),
    'compare.operators': ({ candidate }) => {
      const { run } = candidateOf(core.store, candidate)
      return core.interactive.run(
        'operators',
        { ...modelAndDataOf(core, run), candidate: candidateModel(core.store, candidate) },
        { during: 'timing operators' },
      )
    },
    'compare.report': async ({ candidates }) => {
      const found = candidates.map((id) => candidateOf(core.store, id))
      const { run } = found[0]!
      const html = await core.interactive.run(
        'htmlReport',
        {
          title: run.model.name,
          original: run.original!,
          candidates: found.map(({ run: of, candidate }) => ({
            name: candidateName(of, candidate),
            recipe: candidate.recipe,
            report: candidate.report,
            steps: candidate.steps,
          })),
        },
        { during: 'writing the report' },
      )
      return { name: `${fileName(run.model.name.replace(/\.onnx$/i, ''))}-report.html`, html }
    },
  } satisfies Partial<Handlers>
}
