/**
 * Band-limited resampling of a signal. Source: J. O. Smith, "Digital Audio Resampling", windowed-sinc
 * interpolation with a Kaiser window.
 */

/** Zero crossings of the sinc on either side; with β = 9 aliases lie below −90 dB. */
const CROSSINGS = 32
const BETA = 9
/** The transition band ends at the lower of the two Nyquist frequencies. */
const ROLL_OFF = 0.92

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel0(x: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

const WINDOW_STEPS = 4096
const WINDOW = Float64Array.from({ length: WINDOW_STEPS + 2 }, (_, i) => {
  const x = Math.min(1, i / WINDOW_STEPS)
  return bessel0(BETA * Math.sqrt(1 - x * x)) / bessel0(BETA)
})

function kaiser(x: number): number {
  const at = Math.abs(x) * WINDOW_STEPS
  const i = Math.floor(at)
  return i > WINDOW_STEPS ? 0 : WINDOW[i]! + (at - i) * (WINDOW[i + 1]! - WINDOW[i]!)
}

/** `count` samples at rate `to` from a signal at rate `from` (Hz); silence outside the signal. */
export function resample(signal: Float32Array, from: number, to: number, count: number): Float32Array {
  const out = new Float32Array(count)
  if (from === to) {
    out.set(signal.subarray(0, count))
    return out
  }
  const cutoff = ROLL_OFF * Math.min(1, to / from)
  const half = CROSSINGS / cutoff
  for (let n = 0; n < count; n++) {
    const at = (n * from) / to
    const first = Math.max(0, Math.ceil(at - half))
    const last = Math.min(signal.length - 1, Math.floor(at + half))
    let sum = 0
    for (let i = first; i <= last; i++) {
      const t = (at - i) * cutoff
      const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t)
      sum += signal[i]! * cutoff * sinc * kaiser((at - i) / half)
    }
    out[n] = sum
  }
  return out
}
