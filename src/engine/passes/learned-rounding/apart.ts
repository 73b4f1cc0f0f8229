/**
 * One part of a model by itself, so that what goes into it is computed once a sample and not with every update: as
 * arXiv:2004.10568 and arXiv:2102.05426 train, on stored inputs.
 */
import type { Batch } from '../../data/dataset'
import { Samples } from '../../data/sample-store'
import { readsOf, type DType, type Model, type Node } from '../../onnx'
import {
  BY_TURNS,
  concatRows,
  feedOf,
  prefixOf,
  signatureOf,
  sliceRows,
  withSession,
  type Value,
} from '../../runtime'
import type { Teacher } from '../../training/teacher'

/** More inputs than this are not stored. */
const KEEP_BYTES = 256 * 2 ** 20
const STORED: readonly DType[] = ['float32', 'int64', 'int32', 'bool']
/** Name of the free size that counts samples. */
const BATCH = 'batch'

interface Apart {
  model: Model
  /** What goes into it, for the samples chosen, in their order. */
  samples: Samples
}

interface Asked {
  /** The value that the part ends with. */
  output: string
  /** What is learned in it. */
  latents: readonly string[]
  samples: Samples
  chosen: readonly number[]
  /** Samples a run takes. */
  micro: number
  /** Is asked about the chosen samples, and remembers. */
  teacher: Teacher
  signal: AbortSignal
}

/**
 * The nodes of a sorted `model` between `latents` and `output`, with the values of one sample each that go into them.
 * Undefined where an input of the model goes straight into it, where samples are not the first axis of what does, or
 * where that is too much to be kept.
 */
export async function partApart(model: Model, asked: Asked): Promise<Apart | undefined> {
  const part = prefixOf(model, [asked.output])
  const { graph } = part
  const given = new Set(graph.requiredInputs.map(({ name }) => name))
  const own = behind(graph.nodes, asked.latents)
  const fed = behind(graph.nodes, given)
  const made = new Set([...own].flatMap((node) => node.outputs))
  const outside = new Set([...fed].flatMap((node) => node.outputs))
  const entering = [...new Set([...own].flatMap((node) => [...readsOf(node)]))].filter(
    (value) => given.has(value) || (outside.has(value) && !made.has(value)),
  )
  if (entering.length === 0 || entering.some((value) => given.has(value))) return undefined
  const values = await valuesOf(model, entering, asked)
  if (!values) return undefined
  graph.nodes = graph.nodes.filter((node) => own.has(node) || !fed.has(node))
  const defaults = graph.inputs.filter(({ name }) => graph.initializers.has(name))
  graph.inputs = [
    ...entering.map((name) => ({
      name,
      dtype: values[name]!.dtype,
      dims: [BATCH, ...values[name]!.dims.slice(1)],
    })),
    ...defaults,
  ]
  graph.prune()
  return { model: part, samples: Samples.of(values, asked.signal) }
}

/** Nodes of a sorted graph that `values` reach. */
function behind(nodes: readonly Node[], values: Iterable<string>): Set<Node> {
  const reached = new Set(values)
  const found = new Set<Node>()
  for (const node of nodes) {
    if (![...readsOf(node)].some((value) => reached.has(value))) continue
    found.add(node)
    for (const output of node.outputs) reached.add(output)
  }
  return found
}

async function valuesOf(
  model: Model,
  names: readonly string[],
  { samples, chosen, micro, teacher, signal }: Asked,
): Promise<Record<string, Value> | undefined> {
  const signature = signatureOf(model)
  return withSession(prefixOf(model, names), BY_TURNS, async (session) => {
    const run = async ({ inputs }: Batch, size: number): Promise<Value[]> => {
      const outputs = await session.run(feedOf(signature, inputs, { size }), [...names])
      return names.map((name) => outputs[name]!)
    }
    const parts: Value[][] = []
    let bytes = 0
    let at = 0
    for await (const batch of samples.batches(chosen, micro)) {
      const rows = batch.indices.length
      // Lets messages of the engine process through: running the graph blocks its thread.
      await new Promise(setImmediate)
      signal.throwIfAborted()
      const found = await run(batch, micro)
      const [first] = parts
      // Another number of samples shows whether the first axis counts them; of a fixed one only one is told.
      const others = first ? [] : signature.batch === undefined ? await run(batch, micro + 1) : found
      const size = signature.batch ?? micro + 1
      const isRows =
        found.every(({ dims }) => dims[0] === micro) &&
        others.every(({ dims }) => dims[0] === size) &&
        (signature.batch ?? 1) === 1
      const isAlike = found.every(
        ({ dtype, dims }, i) => STORED.includes(dtype) && (!first || sameRow(dims, first[i]!.dims)),
      )
      if (!isRows || !isAlike) return undefined
      const own = found.map((value) => sliceRows(value, 0, rows))
      bytes += own.reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0)
      if (bytes > KEEP_BYTES) return undefined
      parts.push(own)
      const indices = batch.indices.map(() => at++)
      await teacher.valuesFor({ ...batch, indices })
      if (!teacher.knows(indices)) return undefined
    }
    return Object.fromEntries(names.map((name, i) => [name, concatRows(parts.map((part) => part[i]!))]))
  })
}

const sameRow = (a: readonly number[], b: readonly number[]): boolean =>
  a.slice(1).join() === b.slice(1).join()
