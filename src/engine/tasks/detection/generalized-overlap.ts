/** Generalized intersection over union, −1 to 1, with its slope. Source: arXiv:1902.09630, algorithm 1. */
export type Corners = readonly [left: number, top: number, right: number, bottom: number]

interface Overlap {
  /** Intersection over union. */
  plain: number
  generalized: number
  /** Of the generalized one, by the corners of the first box. */
  slope: [number, number, number, number]
}

/** Both boxes have an area. */
export function generalizedOverlap(a: Corners, b: Corners): Overlap {
  const area = (box: Corners): number => (box[2] - box[0]) * (box[3] - box[1])
  const side = (axis: 0 | 1) => {
    const shared = Math.min(a[axis + 2]!, b[axis + 2]!) - Math.max(a[axis]!, b[axis]!)
    const around = Math.max(a[axis + 2]!, b[axis + 2]!) - Math.min(a[axis]!, b[axis]!)
    return { own: a[axis + 2]! - a[axis]!, shared: Math.max(0, shared), around }
  }
  const [x, y] = [side(0), side(1)]
  const shared = x.shared * y.shared
  const union = area(a) + area(b) - shared
  const around = x.around * y.around
  const slopeBy = (corner: 0 | 1 | 2 | 3): number => {
    const isFar = corner >= 2
    const other = corner % 2 === 0 ? y : x
    const sign = isFar ? 1 : -1
    // The corner that lies further in bounds what is shared, the one further out what is around both.
    const isInner = isFar ? a[corner] < b[corner] : a[corner] > b[corner]
    const byShared = isInner && shared > 0 ? sign * other.shared : 0
    const byUnion = sign * other.own - byShared
    const byAround = isInner ? 0 : sign * other.around
    return (
      byShared / union - (shared * byUnion) / union ** 2 + byUnion / around - (union * byAround) / around ** 2
    )
  }
  return {
    plain: shared / union,
    generalized: shared / union - 1 + union / around,
    slope: [slopeBy(0), slopeBy(1), slopeBy(2), slopeBy(3)],
  }
}
