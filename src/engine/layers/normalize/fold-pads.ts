/** Zeros that a Pad puts around the input of a convolution become its own pads. Sources: ONNX Pad, ONNX Conv. */
import type { Graph } from '../../onnx'
import { zerosBefore } from '../fuses'

/** Edits the graph; gives how many are gone. Convolutions that find out their padding themselves are left alone. */
export function foldPads(graph: Graph, opset: number): number {
  const wiring = { graph, consumers: graph.consumerMap(), producers: graph.producers() }
  let folded = 0
  for (const conv of [...graph.nodes]) {
    if (!conv.is('Conv') || !['NOTSET', 'VALID'].includes(conv.string('auto_pad', 'NOTSET'))) continue
    const found = zerosBefore(wiring, conv, opset)
    if (!found) continue
    const { pad, padding } = found
    const own = conv.string('auto_pad', 'NOTSET') === 'NOTSET' ? conv.ints('pads') : undefined
    const added = [...padding.before, ...padding.after]
    conv.set('pads', { ints: added.map((count, i) => count + (own?.[i] ?? 0)) })
    conv.attributes.delete('auto_pad')
    conv.inputs[0] = pad.inputs[0]!
    graph.removeNode(pad)
    folded++
  }
  if (folded > 0) graph.prune()
  return folded
}
