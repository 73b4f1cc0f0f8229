/**
 * Recurrent layers: a hidden unit goes with its rows of every gate, of both directions and of every state, and with its
 * column of the recurrence, which is where the layer itself sums over it.
 * Sources: ONNX LSTM, GRU, RNN; arXiv:1709.05027 (intrinsic sparse structures).
 */
import { kindOf } from '../../../layers/kinds'
import type { Node } from '../../../onnx'
import type { AxisRef, Rule, RuleContext } from '../relations'

/** Unit u of each of `blocks` stretches that lie behind each other: gates, and biases of input and recurrence. */
function* stackedPairs(units: number, blocks: number): Iterable<[number, number]> {
  for (let block = 0; block < blocks; block++)
    for (let unit = 0; unit < units; unit++) yield [unit, block * units + unit]
}

function relate(node: Node, c: RuleContext): void {
  const [x, w, r, bias, lengths, hidden, cell, peepholes] = node.inputs
  const [y, lastHidden, lastCell] = node.outputs
  const dims = c.dims(r)
  if (!x || !w || !r || !dims || typeof kindOf(node)!.geometry(node, dims, 2) === 'string') return
  const units: AxisRef = [r, 2]
  const count = dims[2]!
  for (const stacked of [w, r, bias, peepholes]) {
    const length = stacked ? c.dims(stacked)?.[1] : undefined
    if (stacked && length) c.map(units, [stacked, 1], stackedPairs(count, length / count))
  }
  const samplesFirst = node.int('layout', 0) === 1
  const [time, samples] = samplesFirst ? [1, 0] : [0, 1]
  for (const state of [hidden, cell, lastHidden, lastCell]) {
    if (!c.dims(state)) continue
    c.same(units, [state!, 2])
    c.same([x, samples], [state!, samples])
  }
  if (c.dims(y)) {
    c.same(units, [y!, 3])
    c.same([x, time], [y!, time])
    c.same([x, samples], [y!, samplesFirst ? 0 : 2])
  }
  if (c.dims(lengths)) c.same([x, samples], [lengths!, 0])
  c.same([w, 2], [x, 2])
  c.contract([x, 2])
  if (!c.isInitializer(w)) c.contract([w, 2])
  // The states that the recurrence reads never leave the layer but as its outputs.
  c.contract(units, c.dims(y) ? [y!, 3] : [(lastHidden || lastCell)!, 2])
}

export const recurrent: Rule = {
  ops: ['LSTM', 'GRU', 'RNN'],
  relate,
  rewrite(node, c) {
    const units = c.kept(node.inputs[2]!, 2)
    if (units) node.set('hidden_size', { int: units.length })
  },
}
