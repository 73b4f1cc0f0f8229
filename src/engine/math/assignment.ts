/**
 * The assignment problem: each row gets its own column so that the sum is largest.
 * Source: H. W. Kuhn, Naval Research Logistics 2 (1955); shortest augmenting paths as in R. Jonker and
 * A. Volgenant, Computing 38 (1987). O(n³).
 */

/** `gain` is n × n, row by row. Gives the column of each row. */
export function assign(gain: ArrayLike<number>, n: number): number[] {
  // Rows and columns count from 1; column 0 stands for "no column yet".
  const rowPrice = new Float64Array(n + 1)
  const columnPrice = new Float64Array(n + 1)
  const rowOf = new Int32Array(n + 1)
  const before = new Int32Array(n + 1)
  for (let row = 1; row <= n; row++) {
    rowOf[0] = row
    const least = new Float64Array(n + 1).fill(Infinity)
    const used = new Uint8Array(n + 1)
    let column = 0
    do {
      used[column] = 1
      const current = rowOf[column]!
      let delta = Infinity
      let next = 0
      for (let j = 1; j <= n; j++) {
        if (used[j]) continue
        const cost = -gain[(current - 1) * n + j - 1]! - rowPrice[current]! - columnPrice[j]!
        if (cost < least[j]!) {
          least[j] = cost
          before[j] = column
        }
        if (least[j]! < delta) {
          delta = least[j]!
          next = j
        }
      }
      for (let j = 0; j <= n; j++) {
        if (used[j]) {
          rowPrice[rowOf[j]!]! += delta
          columnPrice[j]! -= delta
        } else least[j]! -= delta
      }
      column = next
    } while (rowOf[column] !== 0)
    for (; column !== 0; column = before[column]!) rowOf[column] = rowOf[before[column]!]!
  }
  const columnOf = new Array<number>(n).fill(0)
  for (let j = 1; j <= n; j++) columnOf[rowOf[j]! - 1] = j - 1
  return columnOf
}
