/** Makes a model smaller and plainer without changing what it computes. */
import { z } from 'zod'
import { formatBytes, plural } from '../../contract/format'
import { encodedLength, stripNotes, type Model } from '../onnx'
import { compareOutputs } from '../evaluate/comparison/outputs'
import { exampleFeeds } from '../data/feeds'
import { traceShapes, type Values } from '../runtime'
import { definePass, type PassContext, type PassResult } from './pass'
import { isFused, unfuse } from '../layers/unfuse'
import { foldBatchNorm } from '../layers/normalize/fold-batch-norm'
import { scatterToConcat } from './simplify/scatter'
import { optimizedByRuntime } from './simplify/runtime-basic'
import { dropUnusedOpsets, mergeConstants, removeForwarders } from './simplify/tidy'

/** Largest change of an output, relative to its largest value, that rounding explains. */
const TOLERANCE = 1e-4

const ROWS = 2

interface Step {
  title: string
  /** Edits a clone, or gives another model; a text says why nothing was done. */
  edit(model: Model): Promise<{ model: Model; did: string } | string>
}

interface Asked {
  runtime: boolean
  unfuse: boolean
}

function steps(params: Asked, feeds: Values, scratch: string): Step[] {
  const tidy: Step = {
    title: 'tidying the graph',
    async edit(model) {
      const constants = model.constantsToInitializers()
      const forwarders = removeForwarders(model.graph)
      const saved = mergeConstants(model.graph)
      const dropped = model.graph.prune()
      dropUnusedOpsets(model)
      model.graph.sort()
      const did = [
        constants > 0 && `${plural(constants, 'Constant node')} turned into weights`,
        forwarders > 0 && `${plural(forwarders, 'Identity or Dropout', 'Identities and Dropouts')} removed`,
        saved > 0 && `${formatBytes(saved)} of weights stored once instead of twice`,
        dropped.nodes + dropped.initializers > 0 &&
          `${plural(dropped.nodes + dropped.initializers, 'unused part')} dropped`,
      ]
      return { model, did: did.filter((part) => part !== false).join(', ') }
    },
  }
  const fold: Step = {
    title: 'folding batch normalization',
    async edit(model) {
      if (!model.graph.nodes.some((node) => node.is('BatchNormalization'))) return { model, did: '' }
      const traced = await traceShapes(model, { feeds })
      const folded = foldBatchNorm(model.graph, (value) => traced.get(value)?.dims.length)
      return { model, did: folded.length > 0 ? `${plural(folded.length, 'batch normalization')} folded` : '' }
    },
  }
  const scatter: Step = {
    title: 'writing assignments to slices as Concat',
    async edit(model) {
      const fixed = model.graph.inputs.every(({ dims }) => dims?.every((dim) => typeof dim === 'number'))
      if (!fixed || !model.graph.nodes.some((node) => node.is('ScatterND'))) return { model, did: '' }
      const traced = await traceShapes(model, { feeds })
      const done = scatterToConcat(model.graph, (value) => traced.get(value)?.dims)
      const what = plural(done, 'assignment to a slice', 'assignments to slices')
      return { model, did: done > 0 ? `${what} written as Concat` : '' }
    },
  }
  const basic: Step = {
    title: 'optimizing with ONNX Runtime',
    async edit(model) {
      const before = model.graph.nodes.length
      const result = await optimizedByRuntime(model, scratch)
      if ('reason' in result) return result.reason
      const gone = before - result.graph.nodes.length
      return { model: result, did: gone > 0 ? `${plural(gone, 'node')} fewer by ONNX Runtime` : '' }
    },
  }
  const notes: Step = {
    title: "removing the exporter's notes",
    async edit(model) {
      const bytes = stripNotes(model)
      return { model, did: bytes > 0 ? `${formatBytes(bytes)} of exporter's notes removed` : '' }
    },
  }
  const written: Step = {
    title: 'writing fused operators out',
    async edit(model) {
      if (!isFused(model)) return { model, did: '' }
      const { model: plain, done, left } = unfuse(model, await traceShapes(model, { feeds }))
      const kept = left.map(({ layer, reason }) => `${layer} stays, as ${reason}`).join('; ')
      if (done.size === 0) return kept
      const what = [...done].map(([op, count]) => `${count} ${op}`).join(', ')
      return { model: plain, did: `written out: ${what}${kept && ` (${kept})`}` }
    },
  }
  return [
    tidy,
    ...(params.unfuse ? [written] : []),
    fold,
    ...(params.runtime ? [basic] : []),
    scatter,
    ...(params.runtime ? [tidy] : []),
    notes,
  ]
}

async function simplify(original: Model, params: Asked, context: PassContext): Promise<PassResult> {
  const feeds = await exampleFeeds({ ...context, original }, ROWS)
  const plan = steps(params, feeds, context.scratch)
  const skipped: { layer: string; reason: string }[] = []
  const done: string[] = []
  let model = original
  for (const [i, step] of plan.entries()) {
    context.progress(i / plan.length, step.title)
    const result = await step.edit(model.clone())
    if (typeof result === 'string') skipped.push({ layer: '', reason: `${step.title}: ${result}` })
    else {
      const { relative, output } = await compareOutputs(model, result.model, feeds)
      if (relative > TOLERANCE) {
        const reason = `${step.title} would change the output ${output} by ${relative.toExponential(1)} of its size, so it was not done`
        skipped.push({ layer: output, reason })
        continue
      }
      model = result.model
      if (result.did) done.push(result.did)
    }
  }
  const [from, to] = [encodedLength(original), encodedLength(model)]
  const what = [...new Set(done)].join('; ') || 'nothing was left to simplify'
  const nodes = `${original.graph.nodes.length} → ${model.graph.nodes.length} nodes`
  return { model, summary: `${nodes}, ${formatBytes(from)} → ${formatBytes(to)}: ${what}.`, skipped }
}

export const simplifyPass = definePass({
  id: 'simplify',
  title: 'Simplify',
  term: 'graph optimization',
  family: 'clean-up',
  role: 'normalizes',
  summary:
    'Folds, merges and drops what is not needed; the model computes exactly what it did, as is checked.',
  sources: [
    'ONNX BatchNormalization',
    'arXiv:1712.05877, section 3.2',
    'onnxruntime.ai/docs, Graph Optimizations',
  ],
  params: z.object({
    runtime: z.boolean().default(true).meta({
      label: "Use ONNX Runtime's optimizations",
      help: 'Lets ONNX Runtime fold constants and remove redundant nodes, and saves the result as plain ONNX.',
    }),
    unfuse: z.boolean().default(false).meta({
      label: 'Write fused operators out',
      help: 'Attention, normalizations with a sum, GELU with a bias and the like, as exporters and optimizers write them in one operator, become plain ones: for channels to be pruned and weights to be trained behind them. ONNX Runtime fuses them again where it can.',
    }),
  }),
  run: simplify,
})
