/** One weight of one layer changed as a technique would change it, at one strength. */
import type { Sensitivity, Technique } from '../../../contract/sensitivity'
import { atRank, roundedTo, sparsified, withoutChannels } from '../../math/perturb'
import { sqnr } from '../../math/quantize/sqnr'
import { Tensor, type Model } from '../../onnx'
import { matmul } from '../../runtime'
import { finiteWeights, type Layer } from '../../layers/layer'
import { layersThroughViews } from '../../layers/find'
import { POLICY } from '../policy'

export const STRENGTHS: Record<Technique, readonly number[]> = {
  bits: [8, 4, 3, 2],
  sparsity: [0.5, 0.8, 0.9],
  channels: [0.3, 0.5],
  rank: [0.5, 0.25],
}
const UNSEEN = 200
/** JSON holds no infinite decibel: that of a change no output shows, or of one that breaks them. */
const finite = (decibel: number): number => Math.max(-UNSEEN, Math.min(decibel, UNSEEN))
interface Probe {
  layer: Layer
  technique: Technique
  strength: number
}

interface Perturbed {
  model: Model
  weightSqnr: number
}

async function perturbed(
  { layer, technique, strength }: Probe,
  weightBits: number,
): Promise<[Tensor, number]> {
  const { root, rootAxis: axis } = layer
  const { tensor } = root
  const values = finiteWeights(root.value, tensor, 'sensitivity')
  const changed =
    technique === 'bits'
      ? roundedTo(Math.min(strength, weightBits), values, tensor.dims, axis)
      : technique === 'sparsity'
        ? sparsified(strength, values)
        : technique === 'channels'
          ? withoutChannels(strength, values, tensor.dims, axis)
          : await atRank(matmul, strength, values, tensor.dims)
  return [Tensor.of(tensor.dtype, tensor.dims, changed), finite(sqnr(values, changed))]
}

/**
 * The model with the constant replaced that the weight comes from, for every reader that shares it. Codes of a byte use
 * `weightBits` of its bits.
 */
export async function probeModel(model: Model, probe: Probe, weightBits: number): Promise<Perturbed> {
  const copy = model.clone()
  const [tensor, weightSqnr] = await perturbed(probe, weightBits)
  copy.graph.initializers.set(probe.layer.root.value, tensor)
  return { model: copy, weightSqnr }
}

/** In the order of the graph; throws nothing and may be empty. `layers` and `techniques` narrow them. */
export function probesOf(
  model: Model,
  { layers, techniques }: { layers?: readonly string[]; techniques?: readonly Technique[] },
): Probe[] {
  return layersThroughViews(model.graph)
    .filter(({ name, tensor }) => tensor.size >= POLICY.askedWeights && (layers?.includes(name) ?? true))
    .flatMap((layer) =>
      (techniques ?? (Object.keys(STRENGTHS) as Technique[])).flatMap((technique) =>
        STRENGTHS[technique].map((strength): Probe => ({ layer, technique, strength })),
      ),
    )
    .filter(applies)
}

/** A technique that says nothing about a layer is not tried on it: rows of an embedding or of gates are no channels. */
const applies = ({ layer: { kind }, technique }: Probe): boolean =>
  technique === 'bits' || technique === 'sparsity' || kind === 'matrix' || kind.startsWith('conv')

export const entryOf = (
  { layer, technique, strength }: Probe,
  { points, sqnr: outputs }: { points: number; sqnr: number },
  weightSqnr: number,
): Sensitivity => ({
  layer: layer.name,
  op: layer.node.opType,
  parameters: layer.tensor.size,
  technique,
  strength,
  points,
  sqnr: finite(outputs),
  weightSqnr,
})
