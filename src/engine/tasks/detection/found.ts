/** Boxes that a model found: in pixels of the input as decoded, in pixels of the picture after the way back. */
import type { Frame } from './label-rows'

export interface Found {
  left: number
  top: number
  right: number
  bottom: number
  class: number
  score: number
}

type Corners = Pick<Found, 'left' | 'top' | 'right' | 'bottom'>

const area = ({ left, top, right, bottom }: Corners): number => (right - left) * (bottom - top)

/** Intersection over union; over the area of `a` alone where `b` is a crowd, as COCO has it. */
export function overlap(a: Corners, b: Corners, crowd = false): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  if (!(width > 0 && height > 0)) return 0
  const shared = width * height
  const whole = crowd ? area(a) : area(a) + area(b) - shared
  return whole > 0 ? shared / whole : 0
}

/** The best first; equal ones in the order they came. */
export const byScore = <T extends { score: number }>(found: readonly T[]): T[] =>
  found.toSorted((a, b) => b.score - a.score)

/**
 * Non-maximum suppression within each class: of boxes that overlap by more than `most` the best stays. Sorted, at most
 * `kept` of them.
 */
export function suppress<T extends Found>(found: readonly T[], most: number, kept: number): T[] {
  const chosen: T[] = []
  const ofClass = new Map<number, T[]>()
  for (const box of byScore(found)) {
    const others = ofClass.get(box.class) ?? []
    if (others.some((other) => overlap(box, other) > most)) continue
    others.push(box)
    ofClass.set(box.class, others)
    chosen.push(box)
    if (chosen.length === kept) break
  }
  return chosen
}

/** The way back from the input to the picture, cut off at its edges; boxes outside of it are dropped. */
export function ontoPicture(found: readonly Found[], frame: Frame): Found[] {
  const { width, height, scaleX, scaleY, left, top } = frame
  const x = (value: number): number => Math.min(width, Math.max(0, (value - left) / scaleX))
  const y = (value: number): number => Math.min(height, Math.max(0, (value - top) / scaleY))
  return found
    .map((box) => ({
      ...box,
      left: x(box.left),
      top: y(box.top),
      right: x(box.right),
      bottom: y(box.bottom),
    }))
    .filter((box) => box.right > box.left && box.bottom > box.top)
}
