/** What a method declares that chooses the grid of a block: codes are the whole numbers 0 … top, x ≈ (code − zero) · scale. */

/** Scale and zero of one block. */
export interface BlockGrid {
  scale: number
  zero: number
}

export interface GridOptions {
  bits: number
  /** The zero point stays in the middle code. */
  symmetric: boolean
  /** The scale as it is stored: a number that can be divided by, of float16 where scales are halves. */
  scaled(scale: number): number
}

export interface GridMethod {
  /** Behind the name, as help says it. */
  readonly words: string
  readonly sources?: readonly string[]
  /** Bits it takes whatever was asked for. */
  readonly bits?: number
  /** Highest code in use, where that is not the last. */
  readonly top?: number
  /** Why there is none with the zero point in the middle code, where it is the zero point that it moves. */
  readonly onlyAsymmetric?: string
  /** How many times longer a weight takes than by least squares, where it is worth telling. */
  readonly work?: number
  /** A search tries it. */
  readonly searched?: boolean
  /** Values of a block are finite. */
  grid(part: Float32Array, options: GridOptions): BlockGrid
}

export const defineGrid = (method: GridMethod): GridMethod => method

export function codeOf(value: number, { scale, zero }: BlockGrid, top: number): number {
  // Between two codes (zero ½) the sign decides.
  const code = Math.round(value / scale + zero)
  return code < 0 ? 0 : code > top ? top : code
}

export const valueOf = (code: number, { scale, zero }: BlockGrid): number => (code - zero) * scale

export function rangeOf(part: Float32Array): [min: number, max: number] {
  let [min, max] = [0, 0]
  for (let i = 0; i < part.length; i++) {
    const v = part[i]!
    if (v < min) min = v
    else if (v > max) max = v
  }
  return [min, max]
}

/** The grid over a share of the range. */
export function rangeGrid(
  [min, max]: readonly [number, number],
  share: number,
  { bits, symmetric, scaled }: GridOptions,
): BlockGrid {
  const top = 2 ** bits - 1
  if (symmetric) {
    const middle = 2 ** (bits - 1)
    // The longer side gets the code more that two's complement has, where one scale's sign is free to choose.
    return { scale: scaled((Math.max(-min, max) * share) / (middle - 0.5)), zero: middle }
  }
  const scale = scaled(((max - min) * share) / top)
  return { scale, zero: Math.min(top, Math.max(0, Math.round((-min * share) / scale))) }
}
