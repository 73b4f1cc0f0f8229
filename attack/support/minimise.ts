/**
 * The smallest piece of an input that still fails: parts are left out as long as the fault stays (ddmin,
 * Zeller & Hildebrandt, IEEE Transactions on Software Engineering 28/2, 2002).
 */
export async function minimise(
  bytes: Uint8Array,
  fails: (bytes: Uint8Array) => Promise<boolean>,
  tries = 60,
): Promise<Uint8Array> {
  let current = bytes
  let parts = 2
  let left = tries
  while (parts <= current.length && left > 0) {
    const size = Math.ceil(current.length / parts)
    let shrunk = false
    for (let at = 0; at < current.length && left > 0; at += size) {
      const without = new Uint8Array(Buffer.concat([current.subarray(0, at), current.subarray(at + size)]))
      left--
      if (without.length === 0 || !(await fails(without))) continue
      current = without
      parts = Math.max(2, parts - 1)
      shrunk = true
      break
    }
    if (!shrunk) {
      if (size === 1) break
      parts = Math.min(current.length, parts * 2)
    }
  }
  return current
}
