/** Jobs about models and passes. */
import { errorData, PareError } from '../../contract/errors'
import { errorMessage } from '../../contract/messages'
import { probeHere } from '../evaluate/memory'
import { checkTarget } from '../export/checks'
import { combine, readModel, writeModel } from '../onnx'
import { describePasses, findPass, PASSES } from '../passes'
import { PRESETS } from '../passes/presets'
import { listProviders, openRunner, traceShapes } from '../runtime'
import { inspectModel } from '../layers/costs/inspect'
import { misplaced, missingNeed } from '../run/steps'
import { describeTargets, findTarget } from '../targets'
import { describeTasks } from '../tasks'
import { withOpenData } from './data'
import type { JobHandlers } from './job'
import { describePlugins } from './plugins'

/** Names of ONNX Runtime's execution providers as people know them. */
const TITLES: Record<string, string> = {
  cpu: 'CPU',
  cuda: 'NVIDIA GPU (CUDA)',
  dml: 'GPU (DirectML)',
  coreml: 'Apple (CoreML)',
  webgpu: 'GPU (WebGPU)',
}

export const modelJobs: JobHandlers<
  | 'probe'
  | 'providers'
  | 'passes'
  | 'targets'
  | 'tasks'
  | 'plugins'
  | 'presets'
  | 'inspect'
  | 'combine'
  | 'checkRecipe'
> = {
  probe: (request) => probeHere(request),
  providers: async () =>
    (await listProviders()).map(({ name, works, reason }) => ({
      id: name,
      title: TITLES[name] ?? name,
      available: works,
      ...(reason && { reason }),
    })),
  passes: () => describePasses(),
  targets: () => describeTargets(),
  tasks: () => describeTasks(),
  plugins: () => [...describePlugins()],
  presets: () => [...PRESETS],
  inspect: async ({ model, target }) => {
    if (target === undefined) return inspectModel(model)
    const wanted = findTarget(target)
    const [inspection, read] = [await inspectModel(model), readModel(model)]
    // What does not run is among the issues of the inspection; its shapes are unknown.
    const traced = await traceShapes(read).catch(() => new Map())
    return { ...inspection, checks: checkTarget(read, wanted, traced) }
  },
  combine: async ({ models, out, ...options }) => {
    const combined = combine(models.map(readModel), options)
    const runner = await openRunner(combined)
    await runner.release()
    writeModel(combined, out)
    return { out }
  },
  checkRecipe: ({ model, data, recipe }, { progress }) =>
    withOpenData(
      model,
      data,
      async (dataset) => {
        const problems: { step: number; message: string }[] = []
        const read = readModel(model)
        for (const [step, { pass, params }] of recipe.steps.entries()) {
          try {
            const missing = missingNeed(pass, dataset)
            if (missing) throw missing
            // Later passes see a model that earlier ones changed: only their parameters can be judged now.
            if (step === 0) findPass(pass).check(read, params)
            else findPass(pass).parse(params)
            const known = recipe.steps
              .slice(0, step + 1)
              .filter((one) => PASSES.some(({ id }) => id === one.pass))
            const late = misplaced(known, known.length - 1)
            if (late) throw late
          } catch (thrown) {
            if (!(thrown instanceof PareError)) throw thrown
            const { what, todo } = errorMessage(errorData(thrown))
            problems.push({ step, message: `${what} ${todo}` })
          }
        }
        return problems
      },
      progress,
    ),
}
