/** What is done with a model as people do it: compressed, looked at, measured, exported. */
import path from 'node:path'
import { toError, type ErrorData } from '../../src/contract/errors'
import type { Recipe } from '../../src/contract/recipe'
import type { EngineHost, JobInput } from '../../src/service'

type Run = EngineHost['run']

export const SETTINGS = { providers: ['cpu'], threads: 1 }

/** What the result of a job keeps to itself: a run goes on where a pass, or a candidate, fails. */
export function hiddenFault(result: {
  candidates: readonly { steps: readonly { error?: ErrorData }[] }[]
  failed: readonly { error: ErrorData }[]
}): ErrorData | undefined {
  const errors = [
    ...result.candidates.flatMap(({ steps }) => steps.flatMap(({ error }) => error ?? [])),
    ...result.failed.map(({ error }) => error),
  ]
  return errors.find(({ code }) => code === 'internal')
}

interface Use {
  model: string
  data?: JobInput<'compress'>['data']
  recipe: Pick<Recipe, 'steps'>
  folder: string
  target?: string
}

/** Compresses by a recipe; throws the fault of a pass that the run itself bears. Gives the model that came of it. */
export async function compressed(run: Run, { model, data = {}, recipe, folder }: Use): Promise<string> {
  const result = await run(
    'compress',
    {
      model,
      data,
      settings: SETTINGS,
      folder: path.join(folder, 'run'),
      recipes: [{ pare: 1, name: 'attack', description: '', ...recipe }],
      target: 'any',
      seed: 0,
      resume: false,
    },
    { during: 'compressing' },
  )
  const fault = hiddenFault(result)
  if (fault) throw toError(fault)
  return result.candidates[0]?.files[0] ?? model
}

/** Compresses, then measures, compares and exports what came of it. */
export async function used(run: Run, use: Use): Promise<void> {
  const { model, data = {}, folder, target = 'onnx' } = use
  const candidate = await compressed(run, use)
  await run('diff', { model, candidate }, { during: 'comparing' })
  await run(
    'evaluate',
    { model: candidate, data, settings: SETTINGS, split: 'validation' },
    { during: 'measuring' },
  )
  await run(
    'exportBundle',
    {
      model: candidate,
      data,
      settings: SETTINGS,
      target,
      name: 'attack',
      form: 'folder',
      out: path.join(folder, 'bundle'),
      overwrite: true,
    },
    { during: 'exporting' },
  )
}
