/** Which value of a model is trained and by which loss, told by the task of the data. */
import type { Task } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { Model } from '../onnx'
import { feedOf, shapesAt, signatureOf, type Value, type Values } from '../runtime'
import { taskOf, type LossKind } from '../tasks'

export interface Objective {
  kind: LossKind
  /** The output that is held against the labels, or imitated. */
  output: string
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

/** What a model ends in that losses want undone. */
const CLOSING: Partial<Record<LossKind, readonly string[]>> = {
  'cross-entropy': ['Softmax', 'LogSoftmax'],
  'binary-cross-entropy': ['Sigmoid'],
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
  const { loss } = taskOf(task)
  const names = model.graph.outputs.map((output) => output.name)
  const traced = await shapesAt(model, names, feedOf(signatureOf(model), inputs))
  const outputs: Candidate[] = names
    .map((name) => ({ name, dims: traced.get(name)?.dims ?? [], dtype: traced.get(name)?.dtype }))
    .filter((output) => output.dtype === 'float32' && output.dims.length > 0)
  const chosen = outputs.find((output) => loss.fits(output.dims, labels))
  if (!chosen)
    throw new PareError('data/shape-mismatch', {
      input: 'labels',
      expected: labels
        ? `an output for labels [${labels.dims.join(', ')}] of a ${task} task`
        : `a float output`,
      got: names.map((name) => `${name} [${traced.get(name)?.dims.join(', ') ?? '?'}]`).join('; '),
    })
  const { dims } = chosen
  const { kind, classAxis } = loss.labels?.(dims) ?? { kind: 'squared-error', classAxis: -1 }
  const closing = CLOSING[kind]
  const axis = classAxis < 0 ? dims.length + classAxis : classAxis
  return {
    kind,
    output: chosen.name,
    value: closing ? logitsBehind(model, chosen.name, closing) : chosen.name,
    classAxis: axis,
    classes: dims[axis]!,
    dims,
  }
}
