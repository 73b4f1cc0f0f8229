/**
 * Low-bit weights in a graph: constants of packed bytes, and the plain operators that turn them back into
 * floats. ONNX Runtime folds those at load, so every build of it runs the result at float speed; what is saved
 * is the file and the download. Sources: ONNX Gather (a byte looks up the values it holds), Reshape, Sub, Mul.
 */
import { HALF_RANGE } from '../../math/quantize/half'
import { blocksOf, type GroupedCodes, type GroupShape } from '../../math/quantize/grouped'
import {
  byteTable,
  packPlanes,
  packZeros,
  paddedBlock,
  planesOf,
  type PlaneBits,
} from '../../math/quantize/pack'
import { codeOf as dtypeCode, Tensor, type DType, type Graph } from '../../onnx'

/** Codes of a weight as they lie in a file. */
export interface PackedCodes extends GroupShape {
  /** Names of uint8 [rows, blocks, bytes of a block], low plane first. */
  planes: { name: string; bits: PlaneBits }[]
  /** Values of a block, filled up to whole bytes. */
  padded: number
}

export interface PackedWeight extends PackedCodes {
  /** Name of float32 [rows, blocks]. */
  scales: string
  /** One number for all blocks, or packed whole numbers [rows, bytes]. */
  zeros: number | { name: string; bits: PlaneBits }
}

export interface CodebookWeight extends PackedCodes {
  /** One for all rows, or one each: [rows, 2^bits]. */
  codebook: { name: string; values: Float32Array; perRow: boolean }
}

export class PackedStore {
  private readonly tables = new Map<string, string>()

  constructor(readonly graph: Graph) {}

  addCodes(name: string, shape: GroupShape, codes: Uint8Array): PackedCodes {
    const { rows, cols, block } = shape
    const planes = packPlanes({ ...shape, codes }).map(({ bits, bytes, bytesPerBlock }) => ({
      bits,
      name: this.graph.addInitializer(
        `${name}_q${bits}`,
        Tensor.fromBytes('uint8', [rows, blocksOf(shape), bytesPerBlock], bytes),
      ),
    }))
    return { rows, cols, block, bits: shape.bits, planes, padded: paddedBlock(block, shape.bits) }
  }

  addGroups(name: string, grouped: GroupedCodes): PackedWeight {
    const codes = this.addCodes(name, grouped, grouped.codes)
    return {
      ...codes,
      scales: this.addScales(name, grouped),
      zeros: this.addZeros(name, grouped),
    }
  }

  addCodebook(name: string, shape: GroupShape, codes: Uint8Array, values: Float32Array): CodebookWeight {
    const size = 2 ** shape.bits
    const perRow = values.length > size
    const dims = perRow ? [shape.rows, size] : [values.length]
    const book = this.graph.addInitializer(`${name}_codebook`, Tensor.float32(dims, values))
    return { ...this.addCodes(name, shape, codes), codebook: { name: book, values, perRow } }
  }

  private addScales(name: string, grouped: GroupedCodes): string {
    const { graph } = this
    const dims = [grouped.rows, blocksOf(grouped)]
    const { scales } = grouped
    if (scales.some((s) => s < HALF_RANGE[0] || s > HALF_RANGE[1]))
      return graph.addInitializer(`${name}_scale`, Tensor.float32(dims, scales))
    return this.op(
      'Cast',
      [graph.addInitializer(`${name}_scale16`, Tensor.of('float16', dims, scales))],
      `${name}_scale`,
      {
        to: { int: dtypeCode('float32') },
      },
    )
  }

  private addZeros(name: string, grouped: GroupedCodes): PackedWeight['zeros'] {
    const [first] = grouped.zeros as unknown as [number]
    if (grouped.zeros.every((zero) => zero === first)) return first
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
    attributes: Parameters<Graph['addNode']>[0]['attributes'] = {},
  ): string {
    const value = this.graph.freshName(output)
    this.graph.addNode({
      opType,
      name: this.graph.freshName(`${output}_${opType}`),
      inputs,
      outputs: [value],
      attributes,
    })
    return value
  }

  ints(values: readonly number[]): string {
    return this.shared(`ints ${values.join()}`, 'ints', () => Tensor.int64(values))
  }

  scalar(value: number): string {
    return this.shared(`scalar ${value}`, 'scalar', () => Tensor.scalar('float32', value))
  }

  /** Bytes [..., n] → the codes they hold [..., n, codes of a byte], as `dtype`. */
  unpack(bytes: string, bits: PlaneBits, name: string, dtype: 'float32' | 'int32' = 'float32'): string {
    const cast = (value: string): string =>
      this.op('Cast', [value], `${name}_codes`, { to: { int: dtypeCode(dtype) } })
    if (bits === 8) return cast(bytes)
    const table = this.shared(`table ${bits}`, `unpack_${bits}bit`, () =>
      Tensor.of('uint8', [256, 8 / bits], byteTable(bits)),
    )
    return cast(this.lookUp(table, bytes, name))
  }

  /** Entries of a table: of a byte, or of int32 codes. */
  lookUp(table: string, codes: string, name: string): string {
    const index = this.op('Cast', [codes], `${name}_index`, { to: { int: dtypeCode('int32') } })
    return this.op('Gather', [table, index], `${name}_entries`, { axis: { int: 0 } })
  }

  private shared(key: string, name: string, make: () => Tensor): string {
    let found = this.tables.get(key)
    if (!found) this.tables.set(key, (found = this.graph.addInitializer(name, make())))
    return found
  }

  /** Codes as floats, [rows, blocks, padded]. */
  private codes(packed: PackedCodes, name: string): string {
    const shape = this.ints([packed.rows, -1, packed.padded])
    let sum = ''
    let weight = 1
    for (const plane of packed.planes) {
      let part = this.op('Reshape', [this.unpack(plane.name, plane.bits, name), shape], `${name}_plane`)
      if (weight > 1) part = this.op('Mul', [part, this.scalar(weight)], `${name}_high`)
      sum = sum ? this.op('Add', [sum, part], `${name}_codes`) : part
      weight *= 2 ** plane.bits
    }
    return sum
  }

  /** Float32 of the weight's own dims; `dims` has rows first. */
  restore(packed: PackedWeight, name: string, dims: readonly number[], dtype: DType): string {
    const { rows } = packed
    let value = this.codes(packed, name)
    if (packed.zeros !== 0) value = this.op('Sub', [value, this.zeroPoints(packed, name)], `${name}_centred`)
    const scales = this.op('Reshape', [packed.scales, this.ints([rows, -1, 1])], `${name}_scales`)
    value = this.op('Mul', [value, scales], `${name}_scaled`)
    return this.shaped(value, packed, name, dims, dtype)
  }

  private zeroPoints({ zeros, rows, cols, block }: PackedWeight, name: string): string {
    if (typeof zeros === 'number') return this.scalar(zeros)
    const blocks = Math.ceil(cols / block)
    const flat = this.op(
      'Reshape',
      [this.unpack(zeros.name, zeros.bits, `${name}_zero`), this.ints([rows, -1])],
      `${name}_zeros`,
    )
    const cut = this.op('Slice', [flat, this.ints([0]), this.ints([blocks]), this.ints([1])], `${name}_zeros`)
    return this.op('Reshape', [cut, this.ints([rows, blocks, 1])], `${name}_zeros`)
  }

  /** As `restore`, from shared values. */
  restoreCodebook(packed: CodebookWeight, name: string, dims: readonly number[], dtype: DType): string {
    const { codebook } = packed
    let codes = this.codes(packed, name)
    let book = codebook.name
    if (codebook.perRow) {
      const size = codebook.values.length / packed.rows
      const offsets = Float32Array.from({ length: packed.rows }, (_, r) => r * size)
      const offset = this.graph.addInitializer(`${name}_rows`, Tensor.float32([packed.rows, 1, 1], offsets))
      codes = this.op('Add', [codes, offset], `${name}_row_codes`)
      book = this.op('Reshape', [book, this.ints([-1])], `${name}_books`)
    }
    const value = this.lookUp(book, codes, name)
    return this.shaped(value, packed, name, dims, dtype)
  }

  /** [rows, blocks, padded] → the weight's dims, the filling cut off. */
  private shaped(
    value: string,
    packed: PackedCodes,
    name: string,
    dims: readonly number[],
    dtype: DType,
  ): string {
    const { rows, cols, padded } = packed
    const width = blocksOf(packed) * padded
    let out = value
    if (width !== cols) {
      out = this.op('Reshape', [out, this.ints([rows, width])], `${name}_rows`)
      out = this.op('Slice', [out, this.ints([0]), this.ints([cols]), this.ints([1])], `${name}_cut`)
    }
    out = this.op('Reshape', [out, this.ints(dims)], `${name}_float`)
    return dtype === 'float32'
      ? out
      : this.op('Cast', [out], `${name}_${dtype}`, { to: { int: dtypeCode(dtype) } })
  }
}
