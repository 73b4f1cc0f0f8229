import { z } from 'zod'
import { plural } from '../../contract/format'
import { PareError } from '../../contract/errors'
import { exclude, leastWeights, samples } from './fields'
import { definePass } from './pass'
import { FACTORED, factorize, type FactorizedLayer } from './factorization/run'
import { signatureOf } from '../runtime'
import { sampleSource } from '../data/feeds'
import { storeHalf } from './half/store'
import { findLayers } from '../layers/find'
import { leftOut, reasonsTold, worthTelling } from '../layers/left-out'
import { separate } from '../layers/normalize'
import { traceSource } from './pruning/shapes'

const ID = 'low-rank'

const params = z.object({
  rankBy: z.enum(['ratio', 'energy', 'break-even']).default('ratio').meta({
    label: 'Rank by',
    help: '"ratio" gives each layer the share of numbers below; "energy" keeps what carries that much of its output; "break-even" takes the largest rank that is measured to be faster here.',
  }),
  ratio: z
    .number()
    .min(0.02)
    .max(0.95)
    .default(0.5)
    .meta({
      label: 'Numbers to keep (rank)',
      help: "Share of each layer's weights that its factors may have.",
      told: '{%} of the numbers kept',
      search: [0.3, 0.5, 0.7],
    }),
  energy: z.number().min(0.5).max(1).default(0.99).meta({
    label: 'Energy to keep',
    help: "Share of the variance of each layer's output that its factors must hold, where rank goes by energy.",
    advanced: true,
  }),
  conv: z
    .enum(['auto', 'channel', 'spatial', 'tucker', 'keep'])
    .default('auto')
    .meta({
      label: 'Convolutions',
      help: '"channel": fewer channels, then 1×1; "spatial": a tall and a wide kernel; "tucker": 1×1, a small core, 1×1; "auto" takes what errs least at the same size.',
      told: { keep: 'convolutions left alone', '*': 'convolutions by {}' },
      search: ['auto', 'keep'],
    }),
  whiten: z.boolean().default(true).meta({
    label: 'Weigh by real inputs (whitening)',
    help: 'Chooses the factors by what the layer gives for calibration data instead of by its weights alone. Needs no labels.',
  }),
  refit: z.boolean().default(true).meta({
    label: 'Refit',
    help: 'Solves the last factor and the bias again, by least squares to the original outputs on calibration data.',
  }),
  leastWeights: leastWeights(2048),
  exclude,
  samples: samples(1024),
})

export const lowRankPass = definePass({
  id: ID,
  title: 'Factor layers',
  term: 'low-rank factorization',
  family: 'factorization',
  role: 'removes',
  summary:
    'Writes large layers as products of smaller ones, chosen by what matters for real inputs; never where that costs more than it saves.',
  sources: ['arXiv:2403.07378', 'arXiv:1511.06530', 'arXiv:1405.3866', 'arXiv:0909.4061', 'arXiv:1603.08042'],
  params,
  async run(original, options, context) {
    const { model: before, halves } = separate(original)
    const wantsData = options.whiten || options.refit
    const source = wantsData && context.data ? sampleSource(context, ID) : undefined
    context.progress(0, 'tracing shapes')
    const feeds = source && (await source(1, 1)[Symbol.asyncIterator]().next())
    const shapes = await traceSource(before, feeds && !feeds.done ? feeds.value : undefined)
    const {
      model: factored,
      done,
      skipped: tried,
    } = await factorize(before, {
      ...options,
      source,
      shapes,
      fixedBatch: signatureOf(before).batch,
      signal: context.signal,
      progress: (at, doing) => context.progress(at, doing),
    })
    const others = worthTelling(findLayers(before.graph, { ops: FACTORED }).skipped)
    const skipped = [...tried, ...others, ...leftOut(before, FACTORED)]
    if (done.length === 0)
      throw new PareError('model/nothing-to-do', {
        by: ID,
        reason: reasonsTold(skipped) ?? 'no layer is a product with a constant matrix',
      })
    const isNew = (name: string): boolean => !before.graph.initializers.has(name)
    const stored = [...factored.graph.initializers.keys()].filter((name) => halves.has(name) || isNew(name))
    return {
      model: halves.size > 0 ? storeHalf(factored, new Set(stored)).model : factored,
      skipped,
      summary: sentence(done, skipped.length, source !== undefined && options.whiten),
      layers: done.map(({ layer, op, form, before: old, after, error }) => ({
        layer,
        op,
        treatment: `${form.kind}, rank ${form.rank.join('·')}, ${Math.round((100 * after) / old)}% of its numbers`,
        bytesBefore: 4 * old,
        bytesAfter: 4 * after,
        ...(error !== undefined && error > 0 && { activationSqnr: -10 * Math.log10(error) }),
      })),
    }
  },
})

function sentence(done: readonly FactorizedLayer[], skipped: number, whitened: boolean): string {
  const before = done.reduce((n, layer) => n + layer.before, 0)
  const after = done.reduce((n, layer) => n + layer.after, 0)
  const how = whitened ? ', weighed by calibration data' : ''
  return `${plural(done.length, 'layer')} became products of smaller ones${how}: ${before.toLocaleString('en')} → ${after.toLocaleString('en')} numbers; left alone: ${skipped}.`
}
