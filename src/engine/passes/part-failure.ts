import { errorData } from '../../contract/errors'
import { errorMessage } from '../../contract/messages'

/**
 * Why one layer or group failed, for a pass that names it and goes on without it. Throws the failure again where it is
 * not the model's: no other part would fare better.
 */
export function partFailure(thrown: unknown): string {
  const error = errorData(thrown)
  if (error.code !== 'internal' && !/^(model|pass)\//.test(error.code)) throw thrown
  return 'reason' in error ? error.reason : errorMessage(error).what
}
