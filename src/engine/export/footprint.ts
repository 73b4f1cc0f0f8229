/** What a model takes on a microcontroller, in the form that is made for it. */
import type { Footprint } from '../../contract/report'
import type { Model } from '../onnx'
import type { Target } from '../targets/target'
import { formsFor } from './forms'

/** Undefined where the target is no microcontroller. Throws what writing the form throws. */
export async function footprintOn(model: Model, target: Target): Promise<Footprint | undefined> {
  const { id, board } = target
  const form = board && formsFor(target).find(({ footprint }) => footprint)
  return form ? { target: id, ...(await form.footprint!(model, board)) } : undefined
}
