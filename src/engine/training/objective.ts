/** Which value of a model is trained and by which loss, told by the task of the data. */
import type { Task } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { sizeOf, type Model } from '../onnx'
import { feedOf, shapesAt, signatureOf, type Value, type Values } from '../runtime'
import type { LossKind } from './losses'

export interface Objective {
  kind: LossKind
  /** Logits where the model ends in a Softmax or Sigmoid, else its output. */
  value: string
  classAxis: number
  classes: number
  /** Dimensions of the value for the sample looked at. */
  dims: readonly number[]
}

/** The value before a closing Softmax, LogSoftmax or Sigmoid: losses want logits. */
function logitsBehind(model: Model, output: string, closing: readonly string[]): string {
  let value = output
  for (let node = model.graph.producer(value); node; node = model.graph.producer(value)) {
    if (node.is('Identity')) value = node.inputs[0]!
    else return node.is(...closing) ? node.inputs[0]! : value
  }
  return value
}

interface Candidate {
  name: string
  dims: readonly number[]
}

const fits: Readonly<Record<Task, (dims: readonly number[], labels: Value | undefined) => boolean>> = {
  classification: (dims) => dims.length >= 2 && sizeOf(dims.slice(2)) === 1,
  'multi-label': (dims, labels) => !labels || sizeOf(dims) === sizeOf(labels.dims),
  regression: (dims, labels) => !labels || sizeOf(dims) === sizeOf(labels.dims),
  'language-model': (dims) => dims.length === 3,
  segmentation: (dims) => dims.length >= 3,
  embedding: () => true,
  unlabelled: () => true,
}

/**
 * The objective for a task. `inputs` and `labels` are one batch. Throws `data/shape-mismatch` where no float
 * output fits the labels.
 */
export async function chooseObjective(
  model: Model,
  task: Task,
  inputs: Values,
  labels: Value | undefined,
): Promise<Objective> {
  const names = model.graph.outputs.map((output) => output.name)
  const traced = await shapesAt(model, names, feedOf(signatureOf(model), inputs))
  const outputs: Candidate[] = names
    .map((name) => ({ name, dims: traced.get(name)?.dims ?? [], dtype: traced.get(name)?.dtype }))
    .filter((output) => output.dtype === 'float32' && output.dims.length > 0)
  const chosen = outputs.find((output) => fits[task](output.dims, labels))
  if (!chosen)
    throw new PareError('data/shape-mismatch', {
      input: 'labels',
      expected: labels
        ? `an output for labels [${labels.dims.join(', ')}] of a ${task} task`
        : `a float output`,
      got: names.map((name) => `${name} [${traced.get(name)?.dims.join(', ') ?? '?'}]`).join('; '),
    })
  const { dims } = chosen
  const last = dims.length - 1
  const of = (kind: LossKind, value: string, classAxis = last): Objective => ({
    kind,
    value,
    classAxis,
    classes: dims[classAxis]!,
    dims,
  })
  const closing = ['Softmax', 'LogSoftmax']
  switch (task) {
    case 'classification':
      return dims[1] === 1
        ? of('binary-cross-entropy', logitsBehind(model, chosen.name, ['Sigmoid']), 1)
        : of('cross-entropy', logitsBehind(model, chosen.name, closing), 1)
    case 'segmentation':
      return of('cross-entropy', logitsBehind(model, chosen.name, closing), 1)
    case 'language-model':
      return of('cross-entropy', logitsBehind(model, chosen.name, closing))
    case 'multi-label':
      return of('binary-cross-entropy', logitsBehind(model, chosen.name, ['Sigmoid']))
    default:
      return of('squared-error', chosen.name)
  }
}
