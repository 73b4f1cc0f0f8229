/** Inputs, outputs and the answer of a model, for the manifest. */
import type { Dataset } from '../data/dataset'
import { taskOf } from '../tasks'
import type { Spelling } from '../tasks/task'
import type { Model } from '../onnx'
import { signatureOf } from '../runtime'
import { concatRows, sliceRows } from '../runtime/value'
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

/** `spelling` is what scores of characters stand for, which labels.txt then lists. */
export async function answerOf(
  dataset: Dataset | undefined,
  golden: Golden,
  model: Model,
): Promise<{ answer: Manifest['answer']; spelling?: Spelling }> {
  const [sample] = golden.samples
  const fallback = { answer: { output: model.graph.outputs[0]!.name } }
  if (!sample) return fallback
  const rows = Object.values(sample.outputs)[0]?.dims[0] ?? 1
  const classes = dataset?.classes
  try {
    const spelled = dataset && (await spelledBy(dataset, golden))
    if (spelled) return spelled
    // With class names the output that scores them; the other metrics want labels to tell, so: all outputs.
    const scored = dataset && ['class', 'several'].includes(taskOf(dataset.task).protects)
    const family = classes && scored ? taskOf('classification') : taskOf('unlabelled')
    const choice = family.choose(sample.outputs, { rows, classes })
    return {
      answer: {
        output: choice.names[0]!,
        ...(classes && choice.form === 'scores' && { classes: choice.classes }),
      },
    }
  } catch {
    return fallback
  }
}

/** Where answers are texts: how the golden samples, which are the first, are read with the fewest mistakes. */
async function spelledBy(
  dataset: Dataset,
  { samples }: Golden,
): Promise<{ answer: Manifest['answer']; spelling: Spelling } | undefined> {
  const { choose, spelling: of } = taskOf(dataset.task)
  const indices = samples.flatMap(({ index }) => index ?? [])
  if (!of || indices.length < samples.length) return undefined
  for await (const { labels } of dataset.splits.validation.batches(indices.length, { indices })) {
    const outputs = Object.fromEntries(
      Object.keys(samples[0]!.outputs).map((name) => [
        name,
        concatRows(samples.map(({ outputs }) => sliceRows(outputs[name]!, 0, 1))),
      ]),
    )
    const { classes } = dataset
    const choice = choose(outputs, {
      rows: indices.length,
      ...(labels && { labels }),
      ...(classes && { classes }),
    })
    const spelling = of(choice)
    const { axis, blank } = spelling
    return { answer: { output: choice.names[0]!, text: { axis, blank } }, spelling }
  }
  return undefined
}
