/** Sliding windows: what Conv, ConvTranspose and the pools share. Source: ONNX Conv, `auto_pad`. */
import type { Node } from '../onnx'

export interface Windows {
  kernel: number[]
  strides: number[]
  dilations: number[]
  /** Zeros before and after each spatial axis, `auto_pad` resolved. */
  before: number[]
  after: number[]
}

/** Span of a window over its input. */
export const spans = (w: Windows): number[] => w.kernel.map((k, i) => (k - 1) * w.dilations[i]! + 1)

/** Windows of a node that goes from spatial sizes `wide` to the smaller `narrow` (a convolution or pool). */
export function windowsOf(
  node: Node,
  kernel: readonly number[],
  wide: readonly number[],
  narrow: readonly number[],
): Windows {
  const rank = kernel.length
  const ones = new Array<number>(rank).fill(1)
  const strides = node.ints('strides') ?? ones
  const dilations = node.ints('dilations') ?? ones
  const mode = node.string('auto_pad', 'NOTSET')
  const pads = node.ints('pads') ?? new Array<number>(2 * rank).fill(0)
  const window: Windows = {
    kernel: [...kernel],
    strides,
    dilations,
    before: mode === 'NOTSET' ? pads.slice(0, rank) : ones.map(() => 0),
    after: mode === 'NOTSET' ? pads.slice(rank) : ones.map(() => 0),
  }
  if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
    spans(window).forEach((span, i) => {
      const total = Math.max(0, (narrow[i]! - 1) * strides[i]! + span - wide[i]!)
      const small = Math.floor(total / 2)
      window.before[i] = mode === 'SAME_UPPER' ? small : total - small
      window.after[i] = total - window.before[i]!
    })
  }
  return window
}

/**
 * Rows at the end of each padded axis that no window reaches; negative where windows stick out past it, as
 * with `ceil_mode`.
 */
export function leftovers(w: Windows, wide: readonly number[], narrow: readonly number[]): number[] {
  return spans(w).map(
    (span, i) => wide[i]! + w.before[i]! + w.after[i]! - ((narrow[i]! - 1) * w.strides[i]! + span),
  )
}
