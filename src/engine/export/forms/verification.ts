/** Comparing what a form computes with the golden outputs. */
import { isFloat } from '../../onnx'
import { withSession, type SessionOptions } from '../../runtime/session'
import { floatsOf, type Values } from '../../runtime/value'
import { largest, largestDifference, type Golden } from '../golden'

export type Verification = {
  /** Largest absolute difference from the golden outputs, by output. */
  differences: Record<string, number>
} & ({ verdict: 'proven' } | { verdict: 'differs' | 'unproven'; reason: string })

/**
 * A form that strays further from a float output than this share of its largest magnitude computes something else:
 * reordered sums and saturating 8-bit products stay well below.
 */
const STRAY_SHARE = 0.5

/** `run` gives the outputs of one sample. Proven only if every output of every sample was compared. */
export async function verifyBy(
  golden: Golden,
  run: (inputs: Values) => Promise<Values>,
): Promise<Verification> {
  const names = Object.keys(golden.tolerance)
  const differences: Record<string, number> = {}
  const unproven = (reason: string): Verification => ({ differences, verdict: 'unproven', reason })
  if (golden.samples.length === 0) return unproven('there are no golden samples.')
  if (names.length === 0) return unproven('no output is made of numbers.')
  const strays = new Set<string>()
  for (const { inputs, outputs } of golden.samples) {
    const again = await run(inputs)
    for (const name of names) {
      const expected = floatsOf(outputs[name]!)
      const got = again[name]
      const difference = got ? largestDifference(expected, floatsOf(got)) : Infinity
      differences[name] = Math.max(differences[name] ?? 0, difference)
      // Also where it is not a number.
      const limit = golden.tolerance[name]! + STRAY_SHARE * largest(expected)
      if (isFloat(outputs[name]!.dtype) ? !(difference <= limit) : !Number.isFinite(difference))
        strays.add(name)
    }
  }
  if (strays.size === 0) return { differences, verdict: 'proven' }
  const list = [...strays].map((name) => `${JSON.stringify(name)} by ${differences[name]!.toPrecision(3)}`)
  return {
    differences,
    verdict: 'differs',
    reason: `its outputs differ from the golden ones: ${list.join(', ')}.`,
  }
}

/** Throws `model/*` where ONNX Runtime cannot open or run the file. */
export const verifyByOnnxRuntime = (
  file: string,
  options: SessionOptions,
  golden: Golden,
): Promise<Verification> =>
  withSession(file, options, (session) =>
    verifyBy(golden, (inputs) => session.run(inputs, Object.keys(golden.tolerance))),
  )

/** Tolerances in which a device may show fourfold what this machine shows between its own ways to run the model. */
export function widened(
  tolerance: Readonly<Record<string, number>>,
  verifications: readonly Verification[],
): Record<string, number> {
  const proven = verifications.filter(({ verdict }) => verdict === 'proven')
  return Object.fromEntries(
    Object.entries(tolerance).map(([name, base]) => [
      name,
      Math.max(base, ...proven.map(({ differences }) => 4 * (differences[name] ?? 0))),
    ]),
  )
}
