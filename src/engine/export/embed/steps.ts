/** Operators put in front of a model, so that they compute bit by bit what Pare computes when it prepares a sample. */
import type { SpreadAffine } from '../../data/convert'
import { sizeOf, Tensor, type AttributeInput, type DType, type Graph, type Node } from '../../onnx'

/** ONNX's codes of types, as Cast takes them (TensorProto.DataType). */
const CODES: Partial<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
}

const BYTES = 256

/** Writes nodes one after another before those that are there. */
export class Front {
  private readonly anchor: Node | undefined

  constructor(private readonly graph: Graph) {
    ;[this.anchor] = graph.nodes
  }

  op(opType: string, inputs: readonly string[], attributes: Record<string, AttributeInput> = {}): string {
    const output = this.graph.freshName(`pare_${opType.toLowerCase()}`)
    this.graph.addNode({ opType, inputs, outputs: [output], attributes }, this.anchor)
    return output
  }

  constant = (tensor: Tensor): string => this.graph.addInitializer('pare_constant', tensor)

  cast(value: string, from: DType, to: DType): string {
    return from === to ? value : this.op('Cast', [value], { to: { int: CODES[to]! } })
  }

  /** Samples stay on the first axis. */
  reshape = (value: string, dims: readonly number[]): string =>
    this.op('Reshape', [value, this.constant(Tensor.int64([0, ...dims]))])

  transpose = (value: string, axes: readonly number[]): string =>
    this.op('Transpose', [value], { perm: { ints: [0, ...axes.map((axis) => axis + 1)] } })

  /** The first three of an axis the other way round; `axis` and `size` of a sample. */
  reversed(value: string, axis: number, size: number): string {
    const order = Tensor.int64([2, 1, 0, 3].slice(0, size))
    return this.op('Gather', [value, this.constant(order)], { axis: { int: axis + 1 } })
  }

  /** (value · scale − mean) / std as one product and one sum of doubles, then of `to`: what `applySpread` does. */
  affine(value: string, from: DType, dims: readonly number[], affine: SpreadAffine, to: DType): string {
    const { scale, mean, std } = affine
    const shape = shapeOf(dims, affine)
    const doubles = (of: (k: number) => number): string => {
      const values = Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
        of(sizeOf(shape) === mean.length ? i : Math.floor(i / affine.inner) % mean.length),
      )
      return this.constant(Tensor.of('float64', shape, values))
    }
    const x = this.cast(value, from, 'float64')
    const product = this.op('Mul', [x, doubles((k) => scale / std[k]!)])
    const sum = this.op('Add', [product, doubles((k) => -mean[k]! / std[k]!)])
    return this.rounded(this.op('Cast', [sum], { to: { int: CODES.float32! } }), to)
  }

  /** Floats as `to`; integers are rounded half to even and saturated. */
  private rounded(value: string, to: DType): string {
    const limits = LIMITS[to]
    if (!limits) return this.cast(value, 'float32', to)
    const [low, high] = limits.map((limit) => this.constant(Tensor.scalar('float32', limit)))
    return this.cast(this.op('Clip', [this.op('Round', [value]), low!, high!]), 'float32', to)
  }

  /**
   * Bytes [samples, …, channels] by a table of 256 floats a channel: cheap arithmetic where that gives the same bits,
   * else a lookup.
   */
  lookup(bytes: string, tables: readonly Float32Array[], to: DType): string {
    const floats = to === 'float32' ? arithmetic(tables) : undefined
    if (floats) {
      const x = this.cast(bytes, 'uint8', 'float32')
      return floats.reduce((value, { op, by }) => {
        const same = by.every((one) => one === by[0])
        const tensor = same ? Tensor.scalar('float32', by[0]!) : Tensor.float32([by.length], by)
        return this.op(op, [value, this.constant(tensor)])
      }, x)
    }
    const [first] = tables
    const one = tables.every((table) => table.every((v, i) => v === first![i]))
    const all = Float32Array.from((one ? [first!] : tables).flatMap((table) => [...table]))
    const table = Tensor.of(to, [all.length], all)
    const index = this.cast(bytes, 'uint8', 'int32')
    const offsets = Tensor.of(
      'int32',
      [tables.length],
      tables.map((_, c) => c * BYTES),
    )
    const at = one ? index : this.op('Add', [index, this.constant(offsets)])
    return this.op('Gather', [this.constant(table), at])
  }
}

/** Whole numbers that float32 holds. */
const LIMITS: Partial<Record<DType, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
}

/** The smallest shape that spreads over a sample as `inner` says; the sample's own where none does. */
function shapeOf(dims: readonly number[], { inner, mean }: SpreadAffine): number[] {
  if (mean.length === 1) return []
  const axis = dims.findIndex((dim, i) => dim === mean.length && sizeOf(dims.slice(i + 1)) === inner)
  return axis < 0 ? [...dims] : [mean.length, ...dims.slice(axis + 1).map(() => 1)]
}

interface Arithmetic {
  op: 'Mul' | 'Div' | 'Add' | 'Sub'
  by: Float32Array
}

/** Steps of float32 that give every entry of the tables exactly; undefined where none of the usual ones do. */
function arithmetic(tables: readonly Float32Array[]): Arithmetic[] | undefined {
  const ends = tables.map((table) => [table[0]!, table[BYTES - 1]!] as const)
  const slope = Float32Array.from(ends, ([low, high]) => (high - low) / (BYTES - 1))
  const offset = Float32Array.from(ends, ([low]) => low)
  const inverse = Float32Array.from(slope, (value) => 1 / value)
  const plain = (by: Float32Array, neutral: number): boolean => by.every((value) => value === neutral)
  const ways: Arithmetic[][] = [
    [
      { op: 'Mul', by: slope },
      { op: 'Add', by: offset },
    ],
    [
      { op: 'Div', by: inverse },
      { op: 'Add', by: offset },
    ],
  ]
  const without = ways.map((steps) => steps.filter(({ op, by }) => !plain(by, op === 'Add' ? 0 : 1)))
  return without.find((steps) =>
    tables.every((table, c) => table.every((value, byte) => value === applied(steps, c, byte))),
  )
}

function applied(steps: readonly Arithmetic[], channel: number, byte: number): number {
  return steps.reduce((value, { op, by }) => {
    const other = by[channel]!
    if (op === 'Mul') return Math.fround(value * other)
    return Math.fround(op === 'Div' ? value / other : value + other)
  }, byte)
}
