/** Convolutions of any rank. Sources: ONNX Conv, ConvTranspose; com.microsoft FusedConv. */
import { sizeOf, type Node } from '../../onnx'
import type { LayerKind } from './kind'

const FLAT = 'its kernel has fewer than three dimensions'

const padsItself = (node: Node, dims: readonly number[]): boolean =>
  !['NOTSET', ''].includes(node.string('auto_pad', 'NOTSET')) && dims.slice(2).some((k) => k !== 1)

/** Rows are those of the file. */
const along =
  (outAxis: 0 | 1): LayerKind['geometry'] =>
  (node, dims) => {
    if (dims.length < 3) return FLAT
    const groups = node.int('group', 1)
    return {
      rows: dims[0]!,
      cols: sizeOf(dims.slice(1)),
      turned: false,
      outAxis,
      inAxis: 1 - outAxis,
      groups,
    }
  }

/** Kernel [outputs, inputs / groups, …]. */
export const convolution: LayerKind = {
  kind: 'conv',
  ops: ['Conv', 'com.microsoft:FusedConv'],
  weights: [1],
  input: 0,
  bias: 2,
  padsItself,
  geometry: along(0),
}

/**
 * Kernel [inputs, outputs / groups, …]. Its rows are those of the file, one for each input channel: output
 * channels lie within them.
 */
export const transposedConvolution: LayerKind = {
  ...convolution,
  kind: 'conv-transpose',
  ops: ['ConvTranspose'],
  geometry: along(1),
}
