/** Codes of four bits that stand for given levels times a scale a block, two a byte: written by plain operators. */
import { usableScale } from '../../math/quantize/affine'
import { blocksOf, type GroupShape } from '../../math/quantize/grouped'
import { toHalf } from '../../math/quantize/half'
import { Tensor } from '../../onnx'
import type { Layer } from '../layer'
import type { WeightForm } from './encoding'
import { LookedUpRows } from './looked-up'
import { shapedRows, writeRestored } from './restored'
import type { CodeStore, StoredCodes } from './store'
import { codeBytes, scaleBytes, type WeightCodes } from './values'

export interface Stored {
  /** uint8 [rows, blocks, bytes of a block]: two codes a byte, the first in the high bits. */
  bytes: string
  /** Name of float32 [rows, blocks]. */
  scales: string
  codes: StoredCodes
}

export interface Leveled {
  /** Each block is divided by its largest magnitude; then the nearest level. */
  quantize(values: Float32Array, shape: GroupShape): WeightCodes
  holds(codes: WeightCodes): boolean
  bytes(codes: WeightCodes): number
  /** One for an operator that reads them and for plain operators alike. */
  stored(store: CodeStore, layer: Layer, weight: WeightCodes): Stored
  /** By plain operators, for every layer and for rows that are looked up. */
  plain: readonly WeightForm[]
}

/** `levels` are 16 rising numbers from −1 to 1, zero among them; `id` begins the names of constants. */
export function leveled(id: string, levels: Float32Array): Leveled {
  /** Between two levels the nearer one. */
  const thresholds = levels.slice(1).map((level, i) => (level + levels[i]!) / 2)

  function codeFor(value: number): number {
    let code = 0
    while (code < thresholds.length && value > thresholds[code]!) code++
    return code
  }

  function quantize(values: Float32Array, shape: GroupShape): WeightCodes {
    const { rows, cols, block } = shape
    const blocks = blocksOf(shape)
    const scales = new Float32Array(rows * blocks)
    const codes = new Uint8Array(values.length)
    for (let group = 0; group < scales.length; group++) {
      const row = Math.floor(group / blocks)
      const from = row * cols + (group % blocks) * block
      const to = Math.min(from + block, (row + 1) * cols)
      let largest = 0
      for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(values[i]!))
      // A half, so that it may be stored as one.
      const scale = toHalf(usableScale(largest))
      scales[group] = scale
      for (let i = from; i < to; i++) codes[i] = codeFor(values[i]! / scale)
    }
    return { ...shape, bits: 4, codes, scaled: { levels, scales } }
  }

  const stored: Leveled['stored'] = (store, { weight: name }, weight) =>
    store.once(weight, id, () => {
      const { rows, cols, block, codes, scaled } = weight
      const blocks = blocksOf(weight)
      const padded = 2 * Math.ceil(block / 2)
      const bytes = new Uint8Array((rows * blocks * padded) / 2)
      for (let i = 0; i < codes.length; i++) {
        const at =
          Math.floor(i / cols) * blocks * padded +
          Math.floor((i % cols) / block) * padded +
          ((i % cols) % block)
        bytes[at >> 1]! |= at % 2 === 0 ? codes[i]! << 4 : codes[i]!
      }
      const dims = [rows, blocks, padded / 2]
      return {
        bytes: store.graph.addInitializer(`${name}_${id}`, Tensor.fromBytes('uint8', dims, bytes)),
        scales: store.addScales(name, weight, scaled!.scales),
        codes: { ...weight, planes: [], padded },
      }
    })

  /** Bytes [..., n] → the levels of their two codes [..., n, 2]. */
  const levelsOf = (store: CodeStore, bytes: string, name: string): string =>
    store.lookUp(
      store.constant(`${id} levels`, `${id}_levels`, () =>
        Tensor.float32(
          [256, 2],
          Float32Array.from({ length: 512 }, (_, i) => levels[i % 2 === 0 ? i >> 5 : (i >> 1) & 15]!),
        ),
      ),
      bytes,
      name,
    )

  function restored(store: CodeStore, layer: Layer, weight: WeightCodes): string {
    const name = layer.weight
    const { bytes, scales, codes } = stored(store, layer, weight)
    const shape = store.ints([codes.rows, -1, codes.padded])
    const values = store.op('Reshape', [levelsOf(store, bytes, name), shape], `${name}_levels`)
    const columns = store.op('Reshape', [scales, store.ints([codes.rows, -1, 1])], `${name}_scales`)
    return shapedRows(store, store.op('Mul', [values, columns], `${name}_scaled`), codes, layer)
  }

  function writeRows(store: CodeStore, layer: Layer, weight: WeightCodes): void {
    const { bytes, scales, codes } = stored(store, layer, weight)
    const rows = new LookedUpRows(store, layer, codes)
    const values = levelsOf(store, rows.rowsOf(bytes, 'bytes'), rows.name)
    const columns = rows.shaped(rows.rowsOf(scales, 'row_scales'), blocksOf(codes), 1)
    const shaped = rows.shaped(values, blocksOf(codes), codes.padded)
    rows.finish(store.op('Mul', [shaped, columns], `${rows.name}_scaled`))
  }

  const holds = ({ scaled }: WeightCodes): boolean => scaled?.levels === levels
  const bytes = (weight: WeightCodes): number => codeBytes(weight) + scaleBytes(weight.scaled!.scales)
  const plain = { storage: 'plain', bytes }
  return {
    quantize,
    holds,
    bytes,
    stored,
    plain: [
      {
        ...plain,
        words: 'rows unpacked as they are looked up',
        fits: ({ kind }, weight) => kind === 'embedding' && holds(weight),
        write: writeRows,
      },
      {
        ...plain,
        words: 'restored when loaded',
        fits: (_, weight) => holds(weight),
        write: writeRestored(restored),
      },
    ],
  }
}
