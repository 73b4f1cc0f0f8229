/** Which value of a model is trained and by which loss, told by the task of the data. */
import { PareError, type ErrorCode } from '../../contract/errors'
import type { Batch, Dataset } from '../data/dataset'
import type { Model } from '../onnx'
import { feedOf, shapesAt, signatureOf, withSession, type Values } from '../runtime'
import { taskOf, type LossKind } from '../tasks'
import type { Structured } from './losses'

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
  /** How labels are learned where their loss is told beside the graph. */
  structured?: Structured
  /** Why labels cannot be learned by these outputs, and the error that said so. */
  trouble?: string
  cause?: PareError
  /** Why labels should not be learned beside a teacher: what it gives contradicts them as a loss. */
  doubt?: string
}

/** The value before a closing Softmax, LogSoftmax or Sigmoid: losses want logits. */
function logitsBehind(model: Model, output: string, closing: readonly string[]): string {
  if (closing.length === 0) return output
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

const UNREAD: readonly ErrorCode[] = ['data/boxes-unknown', 'data/outputs-unknown']

/** What a dataset says of the task. */
type Asked = Pick<Dataset, 'task' | 'spec' | 'classes'>

/**
 * The objective for a task. `batch` is one of the data; `example` is asked how outputs are to be read, as it knows what
 * the model itself may not know yet. Throws `data/shape-mismatch` where no float output fits the labels.
 */
export async function chooseObjective(
  model: Model,
  data: Asked,
  batch: Pick<Batch, 'inputs' | 'labels'>,
  example = model,
): Promise<Objective> {
  const { task, spec } = data
  const { inputs, labels } = batch
  const { loss } = taskOf(task)
  const names = model.graph.outputs
    .map((output) => output.name)
    .filter((name) => (spec.output ?? name) === name && !spec.unused?.includes(name))
  const traced = await shapesAt(model, names, feedOf(signatureOf(model), inputs))
  const outputs: Candidate[] = names
    .map((name) => ({ name, dims: traced.get(name)?.dims ?? [], dtype: traced.get(name)?.dtype }))
    .filter((output) => output.dtype === 'float32' && output.dims.length > 0)
  let unread: PareError | undefined
  if (loss.structured && labels)
    try {
      const found = await structuredObjective(model, data, { inputs, labels }, outputs, example)
      if (found) return found
    } catch (cause) {
      // Outputs that are not understood can still be imitated.
      if (!(cause instanceof PareError && UNREAD.includes(cause.code))) throw cause
      unread = cause
    }
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
  return {
    ...objectiveOf(model, chosen, kind, classAxis, CLOSING[kind]),
    ...(unread && {
      trouble: `labels of ${task} cannot be held against outputs that are not understood`,
      cause: unread,
    }),
  }
}

function objectiveOf(
  model: Model,
  { name, dims }: Candidate,
  kind: LossKind,
  classAxis: number,
  closing: readonly string[] = [],
): Objective {
  const axis = classAxis < 0 ? dims.length + classAxis : classAxis
  const value = logitsBehind(model, name, closing)
  return { kind, output: name, value, classAxis: axis, classes: dims[axis]!, dims }
}

/** Undefined where the outputs that the example is read by are not all among the model's. */
async function structuredObjective(
  model: Model,
  { task, spec, classes }: Asked,
  { inputs, labels }: Required<Pick<Batch, 'inputs' | 'labels'>>,
  outputs: readonly Candidate[],
  example: Model,
): Promise<Objective | undefined> {
  const { choose, loss } = taskOf(task)
  const { closing, taught, trouble, doubt, measure } = loss.structured!
  const given = await answersOf(example, inputs)
  const judged = Object.fromEntries(Object.entries(given).filter(([name]) => !spec.unused?.includes(name)))
  const { output, boxes } = spec
  const choice = choose(output === undefined ? judged : { [output]: given[output]! }, {
    rows: labels.dims[0]!,
    labels,
    ...(classes && { classes }),
    ...(boxes !== undefined && { boxes }),
  })
  const read = choice.names.map((name) => outputs.find((one) => one.name === name))
  if (!read.every((one) => one !== undefined)) return undefined
  const { kind, classAxis } = taught(choice)
  const values = choice.names.map((name) => logitsBehind(model, name, closing))
  const reason = trouble?.(choice)
  const doubted = reason === undefined ? doubt?.(given, labels, choice) : undefined
  return {
    ...objectiveOf(model, read[0]!, kind, classAxis, closing),
    ...(reason === undefined ? { structured: { choice, values, measure } } : { trouble: reason }),
    ...(doubted !== undefined && { doubt: doubted }),
  }
}

/** All outputs for a batch, without rows that only fill it up. */
async function answersOf(model: Model, inputs: Values): Promise<Values> {
  return withSession(model, {}, (session) => session.run(feedOf(signatureOf(model), inputs)))
}
