/**
 * Which factor of a reshaped axis carries its channels. [B, T, 12·64] → [B, T, 12, 64] can lose whole heads or
 * the same position of every head, not both; a flattened image loses channels, not rows.
 */
import type { AxisSpace } from './axes'
import type { Factor } from './collect'

export type AttentionUnit = 'heads' | 'head-size'

/** Gives, for each factor relation that is not frozen, the index of the part that carries; freezes the others. */
export function chooseCarriers(
  axes: AxisSpace,
  factors: readonly Factor[],
  attention: AttentionUnit,
): Map<Factor, number> {
  // Heads may be multiplied into the batch: [T, B·H, D].
  for (const { whole, parts } of factors)
    if (axes.isBatch(whole)) for (const part of parts) axes.markBatch(part)
  settle(axes, factors)
  for (let open = nextOpen(axes, factors); open; open = nextOpen(axes, factors)) {
    const carrier = preferred(axes, open, attention)
    open.parts.forEach((part, i) => {
      if (i !== carrier) axes.freeze(part, 'another factor of the reshape carries the channels')
    })
    settle(axes, factors)
  }
  const carriers = new Map<Factor, number>()
  for (const factor of factors) {
    const at = factor.parts.findIndex((part) => !axes.isFrozen(part))
    if (at >= 0 && !axes.isFrozen(factor.whole)) carriers.set(factor, at)
  }
  return carriers
}

/** A frozen whole freezes its factors; factors that are all frozen freeze the whole. */
function settle(axes: AxisSpace, factors: readonly Factor[]): void {
  for (let changed = true; changed;) {
    changed = false
    for (const { whole, parts } of factors) {
      if (axes.isFrozen(whole)) {
        for (const part of parts) {
          if (axes.isFrozen(part)) continue
          axes.freeze(part, axes.reason(whole)!)
          changed = true
        }
      } else if (parts.every((part) => axes.isFrozen(part))) {
        axes.freeze(whole, parts.length > 0 ? axes.reason(parts[0]!)! : 'it has length one')
        changed = true
      }
    }
  }
}

const nextOpen = (axes: AxisSpace, factors: readonly Factor[]): Factor | undefined =>
  factors.find(
    ({ whole, parts }) => !axes.isFrozen(whole) && parts.filter((part) => !axes.isFrozen(part)).length > 1,
  )

function preferred(axes: AxisSpace, { parts }: Factor, attention: AttentionUnit): number {
  const open = parts.flatMap((part, i) => (axes.isFrozen(part) ? [] : [i]))
  const heads = open.filter((i) => axes.isBatch(parts[i]!))
  const wanted =
    heads.length === 0 ? open : attention === 'heads' ? heads : open.filter((i) => !heads.includes(i))
  const candidates = wanted.length > 0 ? wanted : open
  // The longer axis gives finer units; on a tie the inner one, as in a channel shuffle.
  return candidates.reduce((best, i) => (axes.length(parts[i]!) >= axes.length(parts[best]!) ? i : best))
}
