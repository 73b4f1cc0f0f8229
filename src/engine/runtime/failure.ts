/** Which failures are of the work at hand, and which end everything. */
import { errorData, type ErrorCode, type ErrorData } from '../../contract/errors'

/** Failures that nothing tried later could do better with: a run stops and can be resumed. */
export const STOPS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'cancelled',
  'disk/full',
  'disk/denied',
  'disk/failed',
  'engine/out-of-memory',
  'engine/crashed',
  'model/changed-on-disk',
  'data/gone',
])

const MEMORY =
  /bad_alloc|bad allocation|array buffer allocation failed|failed to allocate memory|out of memory/i

/** Error data with failures to get memory told apart. */
export function failureOf(thrown: unknown, during: string): ErrorData {
  const error = errorData(thrown)
  const reason = 'reason' in error ? error.reason : ''
  return MEMORY.test(reason) ? { code: 'engine/out-of-memory', during } : error
}
