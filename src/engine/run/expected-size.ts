/** About what size a recipe's result has, told before anything is made: from its parameters alone, so an estimate. */
import type { Recipe, RecipeStep } from '../../contract/recipe'
import { weightedLayers } from '../layers/find'
import type { Model } from '../onnx'
import { findPass } from '../passes'

/** Of the weights as they were: the share that is left, and the bits each takes. */
interface Weights {
  share: number
  bits: number
}

/** Bits of the scale that a block shares. */
const SCALE_BITS = 16

function after({ share, bits }: Weights, { pass, params }: RecipeStep): Weights {
  const said = findPass(pass).parse(params)
  const figure = (name: string): number | undefined =>
    typeof said[name] === 'number' ? said[name] : undefined
  const narrowed = (width: number): Weights => ({ share, bits: Math.min(bits, width) })
  switch (pass) {
    case 'float16':
      return narrowed(16)
    case 'quantize-static':
    case 'quantize-dynamic':
      return narrowed(8)
    case 'quantize-weights': {
      const block = figure('block')
      return narrowed(figure('bits')! + (block ? SCALE_BITS / block : 0))
    }
    case 'share-weights':
    case 'trained-codebook':
    case 'quantize-aware':
      return narrowed(figure('bits')!)
    case 'mixed-precision':
      return said.budget === 'size' ? narrowed(bits * figure('size')!) : narrowed(16)
    case 'prune-channels': {
      // Both sides of a layer lose channels.
      const left = said.target === 'ratio' ? (1 - figure('ratio')!) ** 2 : figure('goal')!
      return { share: share * left, bits }
    }
    case 'low-rank':
      return { share: share * (said.rankBy === 'ratio' ? figure('ratio')! : 1), bits }
    default:
      return { share, bits }
  }
}

/** Bytes of the file, of which `bytes` is the original's. Throws `pass/unknown` and `pass/bad-parameter`. */
export function expectedBytes({ steps }: Recipe, model: Model, bytes: number): number {
  const tensors = new Set(weightedLayers(model.graph).map(({ root }) => root.tensor))
  const weights = [...tensors].reduce((sum, tensor) => sum + tensor.byteLength, 0)
  const count = [...tensors].reduce((sum, tensor) => sum + tensor.dims.reduce((a, b) => a * b, 1), 0)
  if (count === 0) return bytes
  const as = (8 * weights) / count
  const { share, bits } = steps.reduce(after, { share: 1, bits: as })
  return Math.round(Math.max(0, bytes - weights) + weights * share * (bits / as))
}
