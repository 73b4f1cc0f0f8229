/** The input of a model that holds token ids. */
import type { Model } from '../onnx'
import { indexBound } from '../runtime/gather-bounds'
import type { TargetPlan } from './labels'

/** The input that holds token ids, and how many tokens there are. */
export function tokenInput(model: Model): { name: string; vocabulary: number } | undefined {
  const inputs = model.graph.requiredInputs.filter(
    (info) =>
      (info.dtype === 'int64' || info.dtype === 'int32') && !/mask|type|segment|position/i.test(info.name),
  )
  for (const info of inputs) {
    const vocabulary = indexBound(model.graph, info.name)
    if (vocabulary !== undefined) return { name: info.name, vocabulary }
  }
  return undefined
}

/** Scores of other things than the tokens that the model reads. */
export function isTags(model: Model, scores: number): boolean {
  const ids = tokenInput(model)
  return ids !== undefined && ids.vocabulary !== scores
}

export function nextToken(model: Model, ids: string): TargetPlan {
  const mask = model.graph.requiredInputs.find((info) => /mask/i.test(info.name))?.name
  return { kind: 'next-token', ids, ...(mask !== undefined && { mask }) }
}
