import { packedBytes, type Graph, type Tensor } from '../../onnx'

/** First bytes by which most tensors of one shape already differ. */
const GLANCE = 4096

/** Below this many elements equal content is chance: fresh norms are all ones. */
const TIED_FROM = 1024

/**
 * Constants that hold the same matrix as an earlier one, by name → the earlier name. Exporters store tied
 * weights twice. Only tensors that agree in type, shape and first bytes are read whole.
 */
export function copies(graph: Graph): Map<string, string> {
  const glances = new Map<string, string[]>()
  for (const [name, tensor] of graph.initializers) {
    if (tensor.dims.length < 2 || tensor.size < TIED_FROM || tensor.source.strings) continue
    const key = `${tensor.dtype}[${tensor.dims.join(',')}]${glance(tensor)}`
    const group = glances.get(key)
    if (group) group.push(name)
    else glances.set(key, [name])
  }
  const found = new Map<string, string>()
  for (const group of glances.values()) {
    const firsts = new Map<string, string>()
    for (const name of group.length > 1 ? group : []) {
      const key = graph.initializers.get(name)!.contentKey()
      const first = firsts.get(key)
      if (first === undefined) firsts.set(key, name)
      else found.set(name, first)
    }
  }
  return found
}

function glance(tensor: Tensor): string {
  const { range } = tensor.source
  const length = Math.min(GLANCE, packedBytes(tensor.dtype, tensor.size))
  const bytes = range ? range.source.read(range.offset, length) : tensor.bytes().subarray(0, length)
  return Buffer.from(bytes).toString('latin1')
}
