/** One labelled set in the forms that people keep data in, written from its samples. */
import { zipSync } from 'fflate'
import sharp, { type Sharp } from 'sharp'
import { encodeNpy } from '../../src/engine/data/encode-npy'
import type { DType } from '../../src/engine/onnx'
import type { Value } from '../../src/engine/runtime/value'

export interface LabelledSet {
  /** Shape of a sample; pictures are [height, width, channels] of bytes. */
  dims: readonly number[]
  splits: Readonly<Record<string, { samples: readonly ArrayLike<number>[]; labels: readonly number[] }>>
  /** Words for class numbers, where there are some. */
  names?: readonly string[]
}

/** Files by their path within a folder. */
export type Form = (set: LabelledSet) => Promise<Record<string, Uint8Array | string>>

const MAKE: Partial<Record<DType, (size: number) => Value['data']>> = {
  uint8: (size) => new Uint8Array(size),
  int16: (size) => new Int16Array(size),
  float32: (size) => new Float32Array(size),
  float64: (size) => new Float64Array(size),
}

interface ArrayForm {
  dtype: DType
  /** A number of the sample, at its place in it, as it is stored. */
  of?: (value: number, at: number) => number
  /** Order of the axes of a sample; default as it is. */
  axes?: readonly number[]
  /** One axis for all of a sample. */
  flat?: boolean
  /** Number of the first class. */
  first?: number
}

const identity = (value: number): number => value

/** Where each number of a sample whose axes lie in another order comes from. */
function placesOf(dims: readonly number[], axes: readonly number[]): Int32Array {
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1))
  const size = dims.reduce((a, b) => a * b, 1)
  return Int32Array.from({ length: size }, (_, at) => {
    let [rest, from] = [at, 0]
    for (const axis of axes.toReversed()) {
      from += (rest % dims[axis]!) * strides[axis]!
      rest = Math.floor(rest / dims[axis]!)
    }
    return from
  })
}

/** `x` and `y` in an NPZ for each split. */
export const arrays =
  ({ dtype, of = identity, axes, flat, first = 0 }: ArrayForm): Form =>
  async ({ dims, splits }) => {
    const order = axes ?? dims.map((_, axis) => axis)
    const places = placesOf(dims, order)
    const shape = flat ? [places.length] : order.map((axis) => dims[axis]!)
    return Object.fromEntries(
      Object.entries(splits).map(([split, { samples, labels }]) => {
        const data = MAKE[dtype]!(samples.length * places.length) as Float32Array
        for (const [i, sample] of samples.entries())
          for (const [at, from] of places.entries()) data[i * places.length + at] = of(sample[from]!, from)
        const whole = labels.every(Number.isInteger)
        const y: Value = whole
          ? {
              dtype: 'int64',
              dims: [labels.length],
              data: BigInt64Array.from(labels, (v) => BigInt(v + first)),
            }
          : { dtype: 'float32', dims: [labels.length, 1], data: Float32Array.from(labels) }
        const x = { dtype, dims: [samples.length, ...shape], data }
        return [`${split}.npz`, zipSync({ 'x.npy': encodeNpy(x), 'y.npy': encodeNpy(y) }, { level: 0 })]
      }),
    )
  }

interface TableForm {
  of?: (value: number, at: number) => number | string
  first?: number
  /** Class names in the place of numbers. */
  named?: boolean
  /** Name of the column of labels, and whether it is the last. */
  label?: string
  last?: boolean
}

export const table =
  ({ of = identity, first = 0, named, label = 'label', last }: TableForm): Form =>
  async ({ dims, splits, names }) => {
    const size = dims.reduce((a, b) => a * b, 1)
    const columns = Array.from({ length: size }, (_, i) => `f${i}`)
    const row = (cells: (string | number)[], own: string | number): string =>
      (last ? [...cells, own] : [own, ...cells]).join(',')
    return Object.fromEntries(
      Object.entries(splits).map(([split, { samples, labels }]) => [
        `${split}.csv`,
        [
          row(columns, label),
          ...samples.map((sample, i) =>
            row(Array.from(sample, of), named ? names![labels[i]!]! : labels[i]! + first),
          ),
        ].join('\n'),
      ]),
    )
  }

interface FolderForm {
  /** Class names in the place of numbers. */
  named?: boolean
  /** A list of file and label in the place of folders. */
  listed?: boolean
  /** What becomes of a picture before it is written. */
  change?: (image: Sharp, width: number) => Sharp
}

export const pictures =
  ({ named, listed, change = identity as never }: FolderForm): Form =>
  async ({ dims: [height, width, channels], splits, names }) => {
    const files: Record<string, Uint8Array | string> = {}
    for (const [split, { samples, labels }] of Object.entries(splits)) {
      const list = ['file,label']
      for (const [i, sample] of samples.entries()) {
        const word = named ? names![labels[i]!]! : String(labels[i]!)
        const raw = { width: width!, height: height!, channels: channels as 1 | 3 }
        const image = change(sharp(Uint8Array.from(sample), { raw }), width!)
        files[`${split}/${listed ? '' : `${word}/`}${i}.png`] = await image.png().toBuffer()
        list.push(`${i}.png,${word}`)
      }
      if (listed) files[`${split}/labels.csv`] = list.join('\n')
    }
    return files
  }
