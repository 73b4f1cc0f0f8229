/** The outline of a sound or signal, as a picture of it is drawn. */
import { isFloat, sizeOf } from '../onnx'
import { floatsOf, type Values } from '../runtime/value'

/** Stretches that an outline is made of, and the least numbers a sample that can be a wave. */
const STRETCHES = 400
const LEAST = 32

/** Axes but the last of a wave of one channel are of length 1. */
const isWave = (dims: readonly number[]): boolean =>
  dims.length > 0 && dims.at(-1)! >= LEAST && sizeOf(dims) === dims.at(-1)

/**
 * Lowest and highest value of each stretch of steps in order, from −1 to 1 by the largest; undefined where no input is a
 * wave. Steps are inputs of one sample each.
 */
export function waveOf(steps: readonly Values[]): [low: number, high: number][] | undefined {
  const [first] = steps
  const name = Object.keys(first ?? {}).find((key) => {
    const { dims, dtype } = first![key]!
    return isFloat(dtype) && isWave(dims.slice(1))
  })
  if (name === undefined) return undefined
  const waves = steps.map((values) => floatsOf(values[name]!))
  const length = waves.reduce((sum, wave) => sum + wave.length, 0)
  const count = Math.min(STRETCHES, length)
  const outline = Array.from({ length: count }, (): [number, number] => [Infinity, -Infinity])
  let most = 0
  let at = 0
  let before = NaN
  for (const wave of waves)
    for (const v of wave) {
      const stretch = outline[Math.floor((at++ * count) / length)]!
      if (!Number.isFinite(v)) continue
      // From where the stretch before ended, so that the outline has no gaps.
      const from = Number.isNaN(before) ? v : before
      stretch[0] = Math.min(stretch[0], v, from)
      stretch[1] = Math.max(stretch[1], v, from)
      before = v
      most = Math.max(most, Math.abs(v))
    }
  return outline.map(([low, high]) => (low > high || most === 0 ? [0, 0] : [low / most, high / most]))
}
