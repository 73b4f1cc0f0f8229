/** Losses that a task tells beside the graph: from what outputs gave to what the graph is fed, and their share of the loss. */
import { sizeOf } from '../onnx'
import { float32, type Value, type Values } from '../runtime'
import type { StructuredMeasure } from '../tasks'
import type { LossPorts, LossSpec, Structured } from './losses'

/** What labels say of values that a run gave; undefined where the loss is none such, or nothing is asked of labels. */
export function tell(
  { hard, structured }: LossSpec,
  values: Values,
  labels: Value | undefined,
): StructuredMeasure | undefined {
  if (!hard || !structured || !labels) return undefined
  return structured.measure(answersIn(structured, values), labels, structured.choice)
}

/** The outputs of the choice under their own names. */
export const answersIn = ({ choice, values }: Structured, given: Values): Values =>
  Object.fromEntries(choice.names.map((name, i) => [name, given[values[i]!]!]))

/** The share of labels in a loss that a teacher has `alpha` of. */
export const toldLoss = (told: StructuredMeasure, share: number, alpha: number): number =>
  (1 - alpha) * share * told.losses.reduce((sum, one) => sum + one, 0)

/** Zeros where nothing was told. */
export function toldFeeds(
  ports: NonNullable<LossPorts['told']>,
  { choice }: Structured,
  told: StructuredMeasure | undefined,
  share: number,
  alpha: number,
): Values {
  const feeds: Values = {
    [ports.loss]: float32([], Float32Array.of(told ? toldLoss(told, share, alpha) : 0)),
  }
  for (const [i, { port, dims }] of ports.slopes.entries()) {
    const slopes = told?.slopes[choice.names[i]!]?.data as Float32Array | undefined
    const scaled = slopes?.map((slope) => slope * share * (1 - alpha))
    feeds[port] = float32(dims, scaled ?? new Float32Array(sizeOf(dims)))
  }
  return feeds
}
