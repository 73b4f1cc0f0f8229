/** Normalization and softmax. Sources: ONNX BatchNormalization, InstanceNormalization, LayerNormalization, Softmax. */
import type { Rule } from '../relations'
import { relateBroadcast } from './elementwise'

export const batchNorm: Rule = {
  ops: ['BatchNormalization', 'InstanceNormalization'],
  relate(node, c) {
    const [x, ...vectors] = node.inputs
    const y = node.outputs[0]
    // With statistics as outputs the node is in training mode.
    if (!x || !y || node.outputs.slice(1).some((output) => output !== '')) return
    c.same([x, 0], [y, 0])
    c.same([x, 1], [y, 1])
    for (const vector of vectors) c.same([vector, 0], [y, 1])
  },
}

export const layerNorm: Rule = {
  ops: ['LayerNormalization', 'SimplifiedLayerNormalization', 'RMSNormalization'],
  relate(node, c) {
    const [x, ...vectors] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    if (!x || !y || !dims) return
    const first = (node.int('axis', -1) + dims.length) % dims.length
    for (let axis = 0; axis < dims.length; axis++) {
      if (axis < first || c.throughLayerNorm) c.same([x, axis], [y, axis])
      else for (const value of [x, y]) c.freeze([value, axis], 'its statistics enter a layer normalization')
    }
    if (!c.throughLayerNorm) return
    for (const vector of vectors) {
      const own = c.dims(vector)
      if (!own || own.length !== dims.length - first) continue
      for (let axis = 0; axis < own.length; axis++) c.same([vector, axis], [y, first + axis])
    }
  },
}

export const softmax: Rule = {
  ops: ['Softmax', 'LogSoftmax', 'Hardmax', 'LpNormalization'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    if (!x || !y || !dims) return
    const coerced = c.opset < 13 && node.opType !== 'LpNormalization'
    const axis = (node.int('axis', coerced ? 1 : -1) + dims.length) % dims.length
    for (let i = 0; i < dims.length; i++) {
      if (coerced ? i < axis : i !== axis) c.same([x, i], [y, i])
      else for (const value of [x, y]) c.freeze([value, i], `${node.opType} runs over it`)
    }
  },
}

/** Statistics over groups of channels change with every channel: only samples stay apart. */
export const acrossChannels: Rule = {
  ops: ['LRN', 'GroupNormalization', 'MeanVarianceNormalization'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    if (!x || !y || !c.dims(x)) return
    c.same([x, 0], [y, 0])
    for (const value of [x, y]) c.freeze([value, 1], `${node.opType} mixes its channels`)
  },
}

/** Channels pass, positions are mixed. */
export const pooling: Rule = {
  ops: ['AveragePool', 'MaxPool', 'LpPool', 'GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    // Indices of maxima count through all channels.
    if (!x || !y || !c.dims(x) || node.outputs[1]) return
    c.same([x, 0], [y, 0])
    c.same([x, 1], [y, 1])
  },
}

export const resize: Rule = {
  ops: ['Resize', 'Upsample'],
  relate(node, c) {
    const [x] = node.inputs
    if (x) relateBroadcast(node, c, [x])
  },
  rewrite(node, c) {
    const x = node.inputs[0]!
    const sizes = c.constant(node.inputs[3])
    if (!sizes) return
    const axes = node.ints('axes') ?? sizes.map((_, i) => i)
    const after = c.after(node.outputs[0]!)
    const rank = c.before(x).length
    c.setInts(
      node,
      3,
      sizes.map((size, i) => {
        const axis = (axes[i]! + rank) % rank
        return c.kept(x, axis) ? after[axis]! : size
      }),
    )
  },
}
