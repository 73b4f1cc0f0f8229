/**
 * Time per node, from ONNX Runtime's own profile. Fused nodes are named after what they were made of, so a
 * time is told by the original layer where the runtime still knows it.
 */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import type { Model } from '../onnx'
import { temporaryFolder } from '../onnx/temporary'
import { openSession, type SessionOptions } from './session'
import type { Values } from './value'

export interface NodeTime {
  /** Name of the node as the runtime ran it. */
  node: string
  /** First output of the model's own node of that name: the layer in reports. Absent for nodes the runtime made. */
  layer?: string
  op: string
  provider: string
  /** Median over the runs, microseconds. */
  microseconds: number
  /** Of the time of all nodes, 0 … 1. */
  share: number
}

/** Events of a Chrome trace. Source: onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html. */
interface TraceEvent {
  cat?: string
  name: string
  dur?: number
  args?: { op_name?: string; provider?: string }
}

const KERNEL = '_kernel_time'

/**
 * Runs the model `runs` times on `feeds` and gives the time of each node, slowest first. Profiling itself adds
 * about 15%. Throws `model/not-loadable`.
 */
export async function profileNodes(
  model: Model,
  feeds: Values,
  options: SessionOptions & { runs?: number } = {},
): Promise<NodeTime[]> {
  const { runs = 10, ...session } = options
  const quotable = withQuotableNames(model)
  const folder = temporaryFolder('profile')
  try {
    const opened = await openSession(quotable, {
      ...session,
      kernels: 'usual',
      profilePrefix: path.join(folder, 'profile'),
    })
    try {
      // The first run allocates; it is measured too, and the median forgets it.
      for (let i = 0; i <= runs; i++) await opened.run(feeds)
    } finally {
      opened.endProfiling()
      await opened.release()
    }
    return summarize(readEvents(folder, model.file), quotable)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

// eslint-disable-next-line no-control-regex -- what JSON does not take as it is
const UNQUOTABLE = /["\\\u0000-\u001f]/g

/** ONNX Runtime writes names of nodes into its JSON as they are; the model itself where all can be. */
function withQuotableNames(model: Model): Model {
  const odd = (name: string): boolean => name.search(UNQUOTABLE) >= 0
  if (![...model.graphs()].some(({ nodes }) => nodes.some(({ name }) => odd(name)))) return model
  const copy = model.clone()
  for (const { nodes } of copy.graphs())
    for (const node of nodes) node.name = node.name.replaceAll(UNQUOTABLE, '_')
  return copy
}

function readEvents(folder: string, model: string): TraceEvent[] {
  const [file] = fs.readdirSync(folder)
  if (!file) return []
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')) as TraceEvent[]
  } catch (cause) {
    throw new PareError(
      'model/run-failed',
      { file: model, reason: 'the runtime’s profile of it cannot be read' },
      { cause },
    )
  }
}

/**
 * What ONNX Runtime calls operators that it makes of the model's own: in blocked layout after the value they give, fused
 * ones after the first of their parts. Source: onnxruntime/core/optimizer/nchwc_transformer.cc and
 * gemm_activation_fusion.cc, conv_activation_fusion.cc beside it.
 */
const NCHWC = /_nchwc$/
const partOf = (node: string): string => node.replace(/^fused /, '')

function summarize(events: readonly TraceEvent[], model: Model): NodeTime[] {
  const times = new Map<string, { op: string; provider: string; durations: number[] }>()
  for (const { cat, name, dur = 0, args } of events) {
    if (cat !== 'Node' || !name.endsWith(KERNEL)) continue
    const node = name.slice(0, -KERNEL.length)
    const entry = times.get(node) ?? {
      op: args?.op_name ?? '',
      provider: args?.provider ?? '',
      durations: [],
    }
    entry.durations.push(dur)
    times.set(node, entry)
  }
  const layers = new Map(
    model.graph.nodes.map((node) => [node.name, node.outputs.find((output) => output !== '')]),
  )
  const producers = model.graph.producers()
  /** The last operator of that kind before the value: what follows it there was fused into it. */
  const fusedInto = (value: string, op: string): string | undefined => {
    const node = producers.get(value)
    if (!node || node.opType === op) return node?.outputs.find((output) => output !== '')
    return fusedInto(node.inputs[0] ?? '', op)
  }
  const layerOf = (node: string, op: string): string | undefined =>
    layers.get(partOf(node)) ?? (NCHWC.test(node) ? fusedInto(node.replace(NCHWC, ''), op) : undefined)
  const rows = [...times].map(([node, { op, provider, durations }]) => {
    const layer = node === '' ? undefined : layerOf(node, op)
    return { node, ...(layer && { layer }), op, provider, microseconds: median(durations), share: 0 }
  })
  const total = rows.reduce((sum, { microseconds }) => sum + microseconds, 0)
  for (const row of rows) row.share = total > 0 ? row.microseconds / total : 0
  return rows.sort((a, b) => b.microseconds - a.microseconds)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
