import { errorData } from '../../contract/errors'
import { errorMessage } from '../../contract/messages'
import { NumericalFailure } from '../math/numerical-failure'

/**
 * Why one layer or group failed, for a pass that names it and goes on without it. Throws the failure again where it is
 * not the model's: no other part would fare better, and a fault of ours is no reason of a layer's.
 */
export function partFailure(thrown: unknown): string {
  if (thrown instanceof NumericalFailure) return thrown.message
  const error = errorData(thrown)
  if (!/^(model|pass)\//.test(error.code)) throw thrown
  return 'reason' in error ? error.reason : errorMessage(error).what
}
