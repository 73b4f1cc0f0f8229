/** Constants and plain operators that encodings put into a graph, each of them once. */
import {
  byteTable,
  packPlanes,
  packZeros,
  paddedBlock,
  planesOf,
  type PlaneBits,
} from '../../math/quantize/pack'
import { blocksOf, type GroupedCodes, type GroupShape } from '../../math/quantize/grouped'
import { storedAsHalves } from './values'
import { codeOf, Tensor, type AttributeInput, type DType, type Model } from '../../onnx'

/** Names of the constants that hold a weight's codes. */
export interface StoredCodes extends GroupShape {
  /** uint8 [rows, blocks, bytes of a block], low plane first. */
  planes: { name: string; bits: PlaneBits }[]
  /** Values of a block, filled up to whole bytes. */
  padded: number
}

/** One number for all blocks, packed whole numbers [rows, bytes], or floats [rows, blocks]. */
export type StoredZeros = number | { name: string; bits: PlaneBits } | { name: string; floats: true }

export class CodeStore {
  private readonly shared = new Map<string, string>()
  private readonly perWeight = new Map<object, Map<string, unknown>>()

  constructor(readonly model: Model) {}

  get graph(): Model['graph'] {
    return this.model.graph
  }

  /** What is made of a weight's codes once, however many layers read them. */
  once<T>(weight: object, part: string, make: () => T): T {
    let parts = this.perWeight.get(weight)
    if (!parts) this.perWeight.set(weight, (parts = new Map<string, unknown>()))
    if (!parts.has(part)) parts.set(part, make())
    return parts.get(part) as T
  }

  addCodes(name: string, shape: GroupShape & { codes: Uint8Array }): StoredCodes {
    const { rows, cols, block, bits } = shape
    const planes = packPlanes(shape).map((plane) => ({
      bits: plane.bits,
      name: this.graph.addInitializer(
        `${name}_q${plane.bits}`,
        Tensor.fromBytes('uint8', [rows, blocksOf(shape), plane.bytesPerBlock], plane.bytes),
      ),
    }))
    return { rows, cols, block, bits, planes, padded: paddedBlock(block, bits) }
  }

  /** float32 [rows, blocks], stored as halves where they fit. */
  addScales(name: string, shape: GroupShape, scales: Float32Array): string {
    return this.addFloats(`${name}_scale`, [shape.rows, blocksOf(shape)], scales)
  }

  /** float32, stored as halves where scales are. */
  addFloats(name: string, dims: readonly number[], values: Float32Array): string {
    if (!storedAsHalves(values)) return this.graph.addInitializer(name, Tensor.float32(dims, values))
    return this.addHalves(name, dims, values)
  }

  private addHalves(name: string, dims: readonly number[], values: Float32Array): string {
    const halves = this.graph.addInitializer(`${name}16`, Tensor.of('float16', dims, values))
    return this.cast(halves, 'float32', name)
  }

  addZeros(name: string, grouped: GroupedCodes): StoredZeros {
    const first = grouped.zeros[0]!
    if (grouped.zeros.every((zero) => zero === first)) return first
    if (!grouped.zeros.every(Number.isInteger)) {
      const dims = [grouped.rows, blocksOf(grouped)]
      return { floats: true, name: this.addHalves(`${name}_zero`, dims, grouped.zeros) }
    }
    const bits = planesOf(grouped.bits).length === 1 ? (grouped.bits as PlaneBits) : 4
    const bytes = packZeros(grouped, bits)
    const dims = [grouped.rows, bytes.length / grouped.rows]
    return { bits, name: this.graph.addInitializer(`${name}_zero`, Tensor.fromBytes('uint8', dims, bytes)) }
  }

  /** Adds a node with one output; gives its value. `graph.sort()` puts it in its place. */
  op(
    opType: string,
    inputs: string[],
    output: string,
    attributes: Record<string, AttributeInput> = {},
  ): string {
    const value = this.graph.freshName(output)
    // Without a name of its own: its output says as much, and small layers count every byte.
    this.graph.addNode({ opType, inputs, outputs: [value], attributes })
    return value
  }

  ints(values: readonly number[]): string {
    return this.constant(`ints ${values.join()}`, 'ints', () => Tensor.int64(values))
  }

  scalar(value: number): string {
    return this.constant(`scalar ${value}`, 'scalar', () => Tensor.scalar('float32', value))
  }

  /** A constant that all weights share, by key. */
  constant(key: string, name: string, make: () => Tensor): string {
    let found = this.shared.get(key)
    if (!found) this.shared.set(key, (found = this.graph.addInitializer(name, make())))
    return found
  }

  cast(value: string, dtype: DType, output: string): string {
    return this.op('Cast', [value], output, { to: { int: codeOf(dtype) } })
  }

  /** The first `count` along an axis, where there are more. */
  cut(value: string, count: number, axis: number, output: string): string {
    return this.op('Slice', [value, this.ints([0]), this.ints([count]), this.ints([axis])], output)
  }

  /** Entries of a table: of a byte, or of whole numbers. */
  lookUp(table: string, codes: string, name: string): string {
    const index = this.cast(codes, 'int32', `${name}_index`)
    return this.op('Gather', [table, index], `${name}_entries`, { axis: { int: 0 } })
  }

  /** Bytes [..., n] → the codes they hold [..., n, codes of a byte], as floats. */
  unpack(bytes: string, bits: PlaneBits, name: string): string {
    if (bits === 8) return this.cast(bytes, 'float32', `${name}_codes`)
    const table = this.constant(`table ${bits}`, `unpack_${bits}bit`, () =>
      Tensor.of('uint8', [256, 8 / bits], byteTable(bits)),
    )
    return this.cast(this.lookUp(table, bytes, name), 'float32', `${name}_codes`)
  }

  /** Planes of a weight, each brought to one shape by `shaped`, added up to codes as floats. */
  joined(codes: StoredCodes, name: string, shaped: (plane: StoredCodes['planes'][number]) => string): string {
    let sum = ''
    let weight = 1
    for (const plane of codes.planes) {
      let part = shaped(plane)
      if (weight > 1) part = this.op('Mul', [part, this.scalar(weight)], `${name}_high`)
      sum = sum ? this.op('Add', [sum, part], `${name}_codes`) : part
      weight *= 2 ** plane.bits
    }
    return sum
  }
}
