/** Convolutions of any rank. Sources: ONNX Conv, ConvTranspose; com.microsoft FusedConv. */
import { sizeOf, type Node } from '../../onnx'
import type { LayerKind } from './kind'

const FLAT = 'its kernel has fewer than three dimensions'

const padsItself = (node: Node, dims: readonly number[]): boolean =>
  !['NOTSET', ''].includes(node.string('auto_pad', 'NOTSET')) && dims.slice(2).some((k) => k !== 1)

/** Kernel [outputs, inputs / groups, …]. */
export const convolution: LayerKind = {
  kind: 'conv',
  ops: ['Conv', 'com.microsoft:FusedConv'],
  weights: [1],
  input: 0,
  bias: 2,
  padsItself,
  geometry(node, dims) {
    if (dims.length < 3) return FLAT
    const groups = node.int('group', 1)
    return {
      rows: dims[0]!,
      cols: sizeOf(dims.slice(1)),
      turned: false,
      outAxis: 0,
      inAxis: 1,
      groups,
    }
  },
}

/**
 * Kernel [inputs, outputs / groups, …]. Its rows are those of the file, one for each input channel: output
 * channels lie within them.
 */
export const transposedConvolution: LayerKind = {
  kind: 'conv-transpose',
  ops: ['ConvTranspose'],
  weights: [1],
  input: 0,
  bias: 2,
  padsItself,
  geometry(node, dims) {
    if (dims.length < 3) return FLAT
    const groups = node.int('group', 1)
    return { rows: dims[0]!, cols: sizeOf(dims.slice(1)), turned: false, outAxis: 1, inAxis: 0, groups }
  },
}
