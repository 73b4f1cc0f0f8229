import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { plural } from '../../contract/format'
import type { LayerReport } from '../../contract/report'
import { layersThroughViews } from '../layers/find'
import { exclude, samples } from './fields'
import { definePass } from './pass'
import { pruneModelChannels, type PrunedChannels } from './pruning/channels'
import type { DependencyGraph } from './pruning/graph'
import { worthTelling } from '../layers/left-out'
import { reasonsOf } from './pruning/reasons'
import { CRITERIA } from './pruning/scores'

const ID = 'prune-channels'

const params = z.object({
  ratio: z
    .number()
    .min(0)
    .max(0.95)
    .default(0.3)
    .meta({
      label: 'Channels to remove',
      help: 'Share of the channels, neurons, hidden units of recurrent layers and attention heads that go.',
      told: '{%} of the channels',
      search: [0.2, 0.3, 0.5, 0.7],
      only: { name: 'target', is: 'ratio' },
    }),
  target: z
    .enum(['ratio', 'macs', 'size', 'latency'])
    .default('ratio')
    .meta({
      label: 'Stop at',
      told: { macs: 'by multiplications', size: 'by bytes', latency: 'by time' },
      help: '"ratio" removes the share above. The others remove until the model needs the goal below: multiplications, bytes, or milliseconds measured on this machine.',
    }),
  goal: z
    .number()
    .min(0.02)
    .max(1)
    .default(0.5)
    .meta({
      label: 'Goal',
      told: 'down to {%}',
      help: 'What should be left of the multiplications, bytes or milliseconds, where that is the target.',
      search: [0.35, 0.5, 0.7, 0.85],
      only: { name: 'target', not: 'ratio' },
      advanced: true,
    }),
  criterion: z
    .enum(CRITERIA)
    .default('obs')
    .meta({
      label: 'What goes first (importance criterion)',
      help: '"obs" (optimal brain surgeon) measures on calibration data what is lost without a channel once the others are refitted; "activation" what each contributes by itself, in less time; l1, l2, geometric-median and batch-norm look at weights only; taylor asks the loss and needs labels; random is for comparison.',
      told: { activation: 'the least active first', '*': 'by {}' },
      search: ['obs', 'activation'],
    }),
  scope: z
    .enum(['layer', 'global'])
    .default('global')
    .meta({
      label: 'Share of',
      help: '"global" takes what the whole model misses least for the bytes and multiplications that it saves; "layer" takes the same share of every layer.',
      told: { layer: 'the same share of every layer' },
      search: ['global', 'layer'],
    }),
  reconstruct: z.boolean().default(true).meta({
    label: 'Refit what stays',
    help: 'Solves the weights that read the removed channels again, by least squares on calibration data. Needs no labels.',
  }),
  multipleOf: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .meta({
      label: 'Multiple of',
      help: 'Leaves a multiple of this many channels in each layer: 8 suits some accelerators.',
      told: 'in steps of {}',
      search: [1, 8],
      advanced: true,
    }),
  attention: z.enum(['heads', 'head-size', 'keep']).default('heads').meta({
    label: 'Attention',
    help: 'Removes whole heads, or positions within every head, or leaves attention alone.',
    advanced: true,
  }),
  throughLayerNorm: z.boolean().default(false).meta({
    label: 'Width of transformers',
    help: 'Also removes channels that pass layer normalization. Its statistics then change: fine-tune afterwards.',
    advanced: true,
  }),
  keepAtLeast: z.number().min(0).max(1).default(0.1).meta({
    label: 'Keep at least',
    help: 'Share of each layer that stays whatever its scores say.',
    advanced: true,
  }),
  samples: samples(1024),
  exclude,
})

export const pruneChannels = definePass({
  id: ID,
  title: 'Remove channels',
  term: 'structured pruning',
  family: 'pruning',
  role: 'removes',
  summary:
    'Removes whole channels, neurons, hidden units of recurrent layers and attention heads, so that the model is smaller and faster everywhere, and refits what stays.',
  sources: [
    'arXiv:2301.12900',
    'arXiv:2403.18955',
    'arXiv:1707.06168',
    'arXiv:2302.04089',
    'arXiv:1709.05027',
  ],
  needs: ['calibration'],
  params,
  async run(model, options, context) {
    const result = await pruneModelChannels(model, options, context)
    if (result.removed.size === 0)
      throw new PareError('model/nothing-to-do', { by: ID, reason: whyNothing(result) })
    return {
      model: result.model,
      summary: sentence(result),
      skipped: skipped(result),
      layers: layerReports(result),
    }
  },
})

const percent = (share: number): string => `${Math.round(100 * share)}%`

function whyNothing({ prepared, dependencies, skipped }: PrunedChannels): string {
  const { graph } = prepared
  if (skipped.length === 0 && dependencies.groups.length > 0)
    return 'the share asked for removes not even one channel of any layer'
  const kept = [...skipped, ...keptLayers(dependencies)]
  return `none of its channels can go (${reasonsOf(graph, kept)})`
}

/** Layers whose output channels may not go, each once, and why. */
function keptLayers({ weights, whyFixed }: DependencyGraph): { layer: string; reason: string }[] {
  const kept = new Map<string, string>()
  for (const { layer, value, axis } of weights.makes) {
    const reason = whyFixed(value, axis)
    if (reason !== undefined) kept.set(layer, reason)
  }
  return [...[...kept].map(([layer, reason]) => ({ layer, reason })), ...worthTelling(weights.skipped)]
}

function sentence({ dependencies, removed, before, after, refitted }: PrunedChannels): string {
  const groups = dependencies.groups.filter(({ units }) => units.some(({ id }) => removed.has(id))).length
  const total = dependencies.groups.reduce((n, { units }) => n + units.length, 0)
  const fitted =
    refitted.length > 0
      ? ` ${plural(refitted.length, 'layer was', 'layers were')} refitted by least squares.`
      : ''
  return (
    `Removed ${removed.size} of ${total} removable channels, hidden units or heads in ${plural(groups, 'group')}: ` +
    `${percent(1 - after.parameters / before.parameters)} fewer parameters, ${percent(1 - after.macs / before.macs)} fewer multiplications.${fitted}`
  )
}

function skipped({ dependencies, fellBack, skipped }: PrunedChannels): { layer: string; reason: string }[] {
  return [
    ...skipped,
    ...keptLayers(dependencies).map(({ layer, reason }) => ({
      layer,
      reason: `its output channels stay: ${reason}`,
    })),
    ...fellBack.map(({ group, to }) => ({
      layer: group.name,
      reason: `scored by ${to}: the criterion does not apply here`,
    })),
  ]
}

function layerReports({ prepared, cut: pruned, elementBytes, refitted }: PrunedChannels): LayerReport[] {
  const fits = new Map(refitted.map((one) => [one.layer, one]))
  const after = new Map(layersThroughViews(pruned.graph).map(({ name, tensor }) => [name, tensor]))
  return layersThroughViews(prepared.graph).flatMap(({ name, node, weight, tensor }): LayerReport[] => {
    const cut = after.get(name)
    if (!cut || cut.size === tensor.size) return []
    const fit = fits.get(name)
    return [
      {
        layer: name,
        op: node.opType,
        treatment: `[${tensor.dims.join('×')}] → [${cut.dims.join('×')}]`,
        bytesBefore: tensor.size * elementBytes(weight),
        bytesAfter: cut.size * elementBytes(weight),
        ...(fit && fit.after > 0 && { activationSqnr: -10 * Math.log10(fit.after) }),
        ...(fit && {
          reason: `error of its output ${percent(fit.before)} → ${percent(fit.after)} of the variance after refitting`,
        }),
      },
    ]
  })
}
