/** Time per layer of original and candidate, side by side. */
import type { OperatorTime } from '../../contract/compare'
import type { Model } from '../onnx'
import { profileNodes, type NodeTime } from '../runtime/profile'
import type { SessionOptions } from '../runtime/session'
import type { Values } from '../runtime/value'
import { feedsFor } from '../runtime/samples'

/**
 * Milliseconds of each layer at one sample, the slowest of either model first. Layers are paired by name; what
 * the runtime fused or added stands alone.
 */
export async function operatorTimes(
  original: Model,
  candidate: Model,
  sample: Values,
  session?: SessionOptions,
): Promise<OperatorTime[]> {
  const before = await profileNodes(original, feedsFor(original, sample), session)
  const after = await profileNodes(candidate, feedsFor(candidate, sample), session)
  const rows = new Map<string, OperatorTime>()
  const add = (times: readonly NodeTime[], side: 'original' | 'candidate'): void => {
    for (const { layer, node, op, microseconds } of times) {
      const key = layer ?? node
      const row = rows.get(key) ?? { op, layer: key }
      row[side] = (row[side] ?? 0) + microseconds / 1000
      rows.set(key, row)
    }
  }
  add(before, 'original')
  add(after, 'candidate')
  const slowest = ({ original: a = 0, candidate: b = 0 }: OperatorTime): number => Math.max(a, b)
  return [...rows.values()].sort((a, b) => slowest(b) - slowest(a))
}
