/** Do two models answer alike? The proof behind every edit that must not change what a model computes. */
import type { Model } from '../../onnx'
import type { SessionOptions } from '../../runtime/session'
import { floatsOf, type Value, type Values } from '../../runtime/value'
import { sideBySide } from './side-by-side'

/** The output that differs most. */
interface Difference {
  output: string
  /** Largest difference over the largest magnitude of the first model's output; Infinity where shapes or NaNs differ. */
  relative: number
}

/**
 * Runs both models as written (no optimization unless asked) on the same feeds and gives the worst output. Outputs are
 * matched by name; a missing one, another shape, or NaN on one side only is an infinite difference. Integers, flags and strings must be equal.
 */
export async function compareOutputs(
  a: Model | string,
  b: Model | string,
  feeds: Values,
  options: SessionOptions = { optimization: 'disabled' },
): Promise<Difference> {
  let worst: Difference = { output: '', relative: 0 }
  await sideBySide(
    a,
    [b],
    async function* () {
      yield feeds
    },
    (left, right) => {
      for (const [output, value] of Object.entries(left)) {
        const relative = differenceOf(value, right[output])
        if (relative > worst.relative) worst = { output, relative }
      }
    },
    { session: options },
  )
  return worst
}

/** Largest difference over the largest magnitude of `a`; Infinity where shapes, types, NaNs or whole numbers differ. */
export function differenceOf(a: Value, b: Value | undefined): number {
  if (!b || a.dims.join() !== b.dims.join() || a.dtype !== b.dtype) return Infinity
  if (Array.isArray(a.data) || !/float/.test(a.dtype)) return equal(a.data, b.data) ? 0 : Infinity
  const [x, y] = [floatsOf(a), floatsOf(b)]
  let size = 0
  let distance = 0
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i]!, y[i]!]
    if (p === q || (Number.isNaN(p) && Number.isNaN(q))) {
      if (Number.isFinite(p)) size = Math.max(size, Math.abs(p))
      continue
    }
    if (!Number.isFinite(p) || !Number.isFinite(q)) return Infinity
    size = Math.max(size, Math.abs(p))
    distance = Math.max(distance, Math.abs(p - q))
  }
  return distance === 0 ? 0 : distance / Math.max(size, Number.MIN_VALUE)
}

function equal(a: Value['data'], b: Value['data']): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return a.length === b.length
}
