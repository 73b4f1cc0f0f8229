/** Inputs, outputs and the answer of a model, for the manifest. */
import type { Dataset } from '../data/dataset'
import { measureQuality } from '../evaluate/quality'
import { taskOf } from '../tasks'
import type { Spelling } from '../tasks/task'
import type { Model } from '../onnx'
import { signatureOf } from '../runtime'
import type { Golden } from './golden'
import type { Manifest } from './manifest'

/** Example dimensions are those of a golden sample, or as traced. */
export function ports(
  model: Model,
  golden: Golden,
  traced: ReadonlyMap<string, { dims: readonly number[] }>,
): Pick<Manifest, 'inputs' | 'outputs'> {
  const [sample] = golden.samples
  const signature = signatureOf(model)
  const edges = new Map([...signature.inputs, ...signature.outputs].map(({ name, edge }) => [name, edge]))
  const codesOf = (name: string): Pick<Manifest['inputs'][number], 'codes'> => {
    const { scale = 1, zeroPoint = 0 } = edges.get(name) ?? {}
    return scale === 1 && zeroPoint === 0 ? {} : { codes: { scale, zeroPoint } }
  }
  const describe = (side: 'inputs' | 'outputs', infos: Model['graph']['inputs']): Manifest['inputs'] =>
    infos.map(({ name, dtype, dims }) => ({
      name,
      dtype: dtype ?? 'not a tensor',
      dims: [...(dims ?? [])],
      exampleDims: [...(sample?.[side][name]?.dims ?? traced.get(name)?.dims ?? [])],
      ...codesOf(name),
    }))
  return {
    inputs: describe('inputs', model.graph.requiredInputs),
    outputs: describe('outputs', model.graph.outputs),
  }
}

/** As many samples as the measurement itself looks at before it settles which output it reads. */
const LOOKED_AT = 64

/** What is read of the outputs is what the quality was measured by. `spelling` is what scores of characters stand for, which labels.txt then lists. */
export async function answerOf(
  dataset: Dataset | undefined,
  golden: Golden,
  model: Model,
  signal?: AbortSignal,
): Promise<{ answer: Manifest['answer']; spelling?: Spelling }> {
  try {
    if (!dataset || dataset.kind === 'random') {
      const { outputs } = golden.samples[0]!
      const rows = Object.values(outputs)[0]!.dims[0] ?? 1
      return { answer: { output: taskOf('unlabelled').choose(outputs, { rows }).names[0]! } }
    }
    const task = taskOf(dataset.task)
    const measured = await measureQuality(model, [], { dataset, limit: LOOKED_AT, signal })
    const { output: choice } = measured.original
    const [output] = choice.names as [string]
    const spelling = task.spelling?.(choice)
    if (spelling)
      return { answer: { output, text: { axis: spelling.axis, blank: spelling.blank } }, spelling }
    const scored = dataset.classes && ['class', 'several'].includes(task.protects) && choice.form === 'scores'
    const threshold = task.threshold?.(choice)
    return {
      answer: {
        output,
        ...(scored && { classes: choice.classes }),
        ...(threshold !== undefined && { threshold }),
      },
    }
  } catch {
    signal?.throwIfAborted()
    return { answer: { output: model.graph.outputs[0]!.name } }
  }
}
