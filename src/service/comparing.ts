/** The Compare step: original against candidates of one run, on the samples both were measured with. */
import path from 'node:path'
import type { ComparedModels, Results } from '../engine/jobs/protocol'
import { modelAndDataOf, type Core } from './core'
import type { Handlers, Parts } from './parts'
import { fileName } from './recipes'
import { candidateModel, candidateOf } from './candidates'
import { alike, sittingOf } from './sittings'
import { candidateName, viewProject } from './view'

type Compared = ComparedModels & Results

function compared(core: Core, ids: readonly string[]): Compared {
  const { store } = core
  const found = alike(core, ids)
  const [first] = found
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

export function compareHandlers({ core, sittings, sources }: Parts) {
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
    'compare.previews': ({ candidate, samples }) => {
      const { run } = candidateOf(core.store, candidate)
      return core.interactive.run(
        'previews',
        { ...modelAndDataOf(core, run), samples },
        { during: 'reading samples' },
      )
    },
    'compare.operators': ({ candidate }) => {
      const { run } = candidateOf(core.store, candidate)
      return core.interactive.run(
        'operators',
        { ...modelAndDataOf(core, run), candidate: candidateModel(core.store, candidate) },
        { during: 'timing operators' },
      )
    },
    'compare.together': async ({ project, candidates }) => {
      await sittings.measure(project, candidates)
      return viewProject(core.store.get(project), sources)
    },
    'compare.stop': ({ project }) => sittings.stop(project),
    'compare.report': async ({ project, candidates, slots }) => {
      const found = candidates.map((id) => candidateOf(core.store, id))
      const { run } = found[0]!
      const sitting = sittingOf(core.store.get(project), candidates)
      const html = await core.interactive.run(
        'htmlReport',
        {
          title: run.model.name,
          original: sitting?.original ?? run.original!,
          candidates: found.map(({ run: of, candidate }, i) => ({
            name: candidateName(of, candidate),
            recipe: candidate.recipe,
            report: sitting?.reports[sitting.candidates.indexOf(candidates[i]!)] ?? candidate.report,
            steps: candidate.steps,
            slot: slots?.[i],
          })),
        },
        { during: 'writing the report' },
      )
      return { name: `${fileName(run.model.name.replace(/\.onnx$/i, ''))}-report.html`, html }
    },
  } satisfies Partial<Handlers>
}
