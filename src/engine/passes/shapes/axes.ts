/** What a free axis of an input counts, by its name or by its place. */
import { isFree, TIME } from '../../runtime/signature'
import type { Port } from '../../runtime'

export type AxisKind = 'batch' | 'height' | 'width' | 'length'

const HEIGHT = /height|^h$|rows/i
const WIDTH = /width|^w$|col/i
/** Channels an image has where they come last. */
const COLOURS: readonly unknown[] = [1, 3, 4]

/** For each axis, in order; undefined where it is fixed. */
export function kindsOfAxes({ dims, batchAxis }: Port): (AxisKind | undefined)[] {
  // Images are [N, C, H, W], or [N, H, W, C] where the last axis holds colours and the second is free.
  const last = dims.length === 4 && COLOURS.includes(dims[3]) && isFree(dims[1])
  const first = dims.length === 4 ? (last ? 1 : 2) : -1
  return dims.map((dim, axis): AxisKind | undefined => {
    if (!isFree(dim)) return undefined
    if (axis === batchAxis) return 'batch'
    if (typeof dim === 'string') {
      if (TIME.test(dim)) return 'length'
      if (HEIGHT.test(dim)) return 'height'
      if (WIDTH.test(dim)) return 'width'
    }
    if (first < 0) return 'length'
    return axis === first ? 'height' : axis === first + 1 ? 'width' : undefined
  })
}
