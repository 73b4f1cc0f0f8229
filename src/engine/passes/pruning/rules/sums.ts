/** Sums by letters, running sums, repeats and picks by element. Sources: ONNX Einsum, CumSum, Tile, GatherElements. */
import type { AxisRef, Rule } from '../relations'

/** The letters of each input and of the output; undefined for an ellipsis and for diagonals. */
function lettersOf(equation: string): { inputs: string[]; output: string } | undefined {
  const [left, right] = equation.replace(/\s/g, '').split('->') as [string, string?]
  const inputs = left.split(',')
  const all = inputs.join('')
  const once = [...all].filter((letter) => all.split(letter).length === 2)
  const output = right ?? once.sort().join('')
  const plain = [...inputs, output].every(
    (term) => /^[a-zA-Z]*$/.test(term) && new Set(term).size === term.length,
  )
  return plain ? { inputs, output } : undefined
}

export const einsum: Rule = {
  ops: ['Einsum'],
  relate(node, c) {
    const letters = lettersOf(node.string('equation', ''))
    const y = node.outputs[0]!
    if (!letters || node.inputs.some((value) => !c.dims(value)) || !c.dims(y)) return
    const places = new Map<string, AxisRef[]>()
    for (const [i, term] of letters.inputs.entries())
      for (const [axis, letter] of [...term].entries())
        places.set(letter, [...(places.get(letter) ?? []), [node.inputs[i]!, axis]])
    for (const [letter, [first, ...others]] of places) {
      // An axis of one stands for any length.
      if ([first!, ...others].some(([value, axis]) => c.dims(value)![axis] !== c.dims(first![0])![first![1]]))
        continue
      for (const other of others) c.same(first!, other)
      const at = letters.output.indexOf(letter)
      if (at >= 0) c.same(first!, [y, at])
      else for (const axis of [first!, ...others]) if (!c.isInitializer(axis[0])) c.contract(axis)
    }
  },
}

export const cumulative: Rule = {
  ops: ['CumSum'],
  relate(node, c) {
    const [x, given] = node.inputs as [string, string]
    const y = node.outputs[0]!
    const rank = c.dims(x)?.length
    const axis = c.constant(given)?.[0]
    if (rank === undefined || axis === undefined) return
    const along = (axis + rank) % rank
    for (let i = 0; i < rank; i++)
      if (i !== along) c.same([x, i], [y, i])
      else for (const value of [x, y]) c.freeze([value, i], 'CumSum runs over it')
  },
}

/** Channel i of n comes again as i + n, i + 2n, … */
export const tile: Rule = {
  ops: ['Tile'],
  relate(node, c) {
    const [x, given] = node.inputs as [string, string]
    const y = node.outputs[0]!
    const dims = c.dims(x)
    const repeats = c.constant(given)
    if (!dims || !repeats) return
    for (const [axis, length] of dims.entries()) {
      const times = repeats[axis]!
      const pairs = Array.from({ length: length * times }, (_, i) => [i % length, i] as const)
      if (times === 1) c.same([x, axis], [y, axis])
      else c.map([x, axis], [y, axis], pairs)
    }
  },
}

export const gatherElements: Rule = {
  ops: ['GatherElements'],
  relate(node, c) {
    const [x, index] = node.inputs as [string, string]
    const y = node.outputs[0]!
    const [dims, picked] = [c.dims(x), c.dims(index)]
    if (!dims || !picked) return
    const along = (node.int('axis', 0) + dims.length) % dims.length
    for (const [axis, length] of dims.entries()) {
      if (axis === along) c.freeze([x, axis], 'GatherElements picks from it')
      else if (length === picked[axis]) c.same([x, axis], [index, axis])
      c.same([index, axis], [y, axis])
    }
  },
}
