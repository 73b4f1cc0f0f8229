/**
 * Zeros that grow where they matter least in the whole model, while the rest learns to do without. Sources:
 * arXiv:1710.01878, arXiv:2010.07611.
 */
import { cubicRamp, lampThresholds } from '../math/pruning/lamp'
import type { Constraint } from './setup'
import type { Parameters } from './trainable'

interface GradualPruning {
  /** Names of the weights that are thinned out. */
  weights: readonly string[]
  /** Share of zeros at the end, 0 … 1. */
  sparsity: number
  /** Share of the training over which zeros grow; the rest recovers. */
  ramp: number
}

/** Times the threshold is found anew. */
const CUTS = 40

export function gradualPruning(parameters: Parameters, options: GradualPruning): Constraint {
  const chosen = options.weights.map((name) => parameters.names.indexOf(name)).filter((i) => i >= 0)
  const views = chosen.map((i) => parameters.view(i))
  const gone = views.map((view) => Uint8Array.from(view, (w) => (w === 0 ? 1 : 0)))
  const size = views.reduce((n, view) => n + view.length, 0)
  const first = gone.reduce((n, mask) => n + mask.reduce((a, b) => a + b, 0), 0) / Math.max(1, size)
  let cut = -1
  return {
    gradients(_values, gradients) {
      chosen.forEach((index, v) => {
        const start = parameters.offsets[index]!
        const mask = gone[v]!
        for (let i = 0; i < mask.length; i++) if (mask[i]) gradients[start + i] = 0
      })
    },
    values(_values, done) {
      // What a checkpoint brought back is already thin.
      const at = Math.min(CUTS, Math.floor((done / options.ramp) * CUTS))
      if (at > cut && options.sparsity > first) {
        cut = at
        const thresholds = lampThresholds(views, cubicRamp(first, options.sparsity, at / CUTS))
        views.forEach((view, v) => {
          const mask = gone[v]!
          for (let i = 0; i < view.length; i++) if (Math.abs(view[i]!) < thresholds[v]!) mask[i] = 1
        })
      }
      views.forEach((view, v) => {
        const mask = gone[v]!
        for (let i = 0; i < view.length; i++) if (mask[i]) view[i] = 0
      })
    },
    eligible: (done) => done >= options.ramp || options.sparsity <= first,
    restart() {
      cut = -1
      views.forEach((view, v) => view.forEach((w, i) => (gone[v]![i] = w === 0 ? 1 : 0)))
    },
  }
}
