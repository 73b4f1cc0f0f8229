import { HALF_RANGE } from '../../math/quantize/half'
import { Tensor, type Graph } from '../../onnx'
import { encode } from '../../onnx/numeric'
import { defineEncoding } from './encoding'
import { castTo } from './nodes'

/** Largest finite float16. Source: IEEE 754. */
export const LARGEST_HALF = HALF_RANGE[1]

/** Magnitudes from here on stand for infinity: attention masks are filled with −3.4e38. */
export const STANDS_FOR_INFINITY = 1e30

/** What such a number becomes: half the range, so that a score added to it stays finite. */
const MASK = LARGEST_HALF / 2

/** A float32 constant as float16 can hold it, made when it is read, or how far it reaches beyond that. */
export function asHalf(tensor: Tensor): Tensor | { reaches: number } {
  const source = tensor.floats()
  let reaches = 0
  for (let i = 0; i < source.length; i++) {
    const size = Math.abs(source[i]!)
    if (size > reaches && size < STANDS_FOR_INFINITY) reaches = size
  }
  if (reaches > LARGEST_HALF) return { reaches }
  return Tensor.lazy('float16', tensor.dims, () => encode('float16', tensor.floats().map(withoutMask)))
}

const withoutMask = (value: number): number =>
  Math.abs(value) >= STANDS_FOR_INFINITY && Number.isFinite(value) ? Math.sign(value) * MASK : value

/** Stores a constant as another dtype with a Cast behind it, which runtimes do once, as they load the model. */
export function storeAs(graph: Graph, name: string, smaller: Tensor, outermost = graph): void {
  const { dtype } = graph.initializers.get(name)!
  const stored = outermost.freshName(`${name}_${smaller.dtype.replace(/[a-z]+/, ([first]) => first!)}`)
  graph.initializers.delete(name)
  graph.initializers.set(stored, smaller)
  graph.addNode(castTo(dtype, stored, name), graph.nodes[0])
}

export const storedHalf = defineEncoding({
  id: 'float16',
  title: '16-bit floats',
  summary: 'Half precision in the file, brought back by a Cast when the model is loaded.',
  sources: ['IEEE 754', 'ONNX Cast'],
  tensors: {
    opset: 1,
    exact: false,
    /** Undefined where a value would overflow or vanish. */
    store(tensor) {
      const values = tensor.floats()
      if (!values.every((x) => Math.abs(x) < 60000 && (x === 0 || Math.abs(x) > 1e-7))) return undefined
      return {
        constants: { half: asHalf(tensor) as Tensor },
        nodes: ({ half }, output) => [castTo('float32', half!, output)],
      }
    },
  },
})
