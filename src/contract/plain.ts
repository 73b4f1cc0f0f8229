/** Values of JSON that somebody else wrote: parameters of passes, fields of a data spec. */
import { z } from 'zod'

/** No form, message or hash needs more; whoever walks a value that is nested without end runs out of stack. */
const DEEPEST = 64

function isShallow(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return false
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
  return true
}

export const Plain = z.unknown().refine(isShallow, `is nested deeper than ${DEEPEST} levels`)
