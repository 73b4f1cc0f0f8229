/** Pictures of digits in the forms people keep them in, for models that want them prepared in different ways. */
import fs from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { readModel, Tensor, type Model } from '../../../src/engine/onnx'
import { npy, npz } from './files'
import { png, temporaryFolder, write } from './support'

const SAMPLES = path.resolve(import.meta.dirname, '../../../resources/samples/digits')
const SPLITS = ['calibration', 'train', 'validation'] as const
const SIDE = 28
const SIZE = SIDE * SIDE

export interface Pictures {
  channels: 1 | 3
  /** By split; pixels 0…255 as [samples, height, width, channels]. */
  splits: Record<string, { pixels: Uint8Array[]; labels: number[] }>
}

export async function digits(): Promise<Pictures> {
  const splits: Pictures['splits'] = {}
  for (const split of SPLITS) {
    const pixels: Uint8Array[] = []
    const labels: number[] = []
    for (const label of fs.readdirSync(path.join(SAMPLES, 'data', split)))
      for (const file of fs.readdirSync(path.join(SAMPLES, 'data', split, label))) {
        const image = sharp(path.join(SAMPLES, 'data', split, label, file))
        pixels.push(new Uint8Array(await image.toColourspace('b-w').raw().toBuffer()))
        labels.push(Number(label))
      }
    splits[split] = { pixels, labels }
  }
  return { channels: 1, splits }
}

/** Red is half the digit and half another one, which is blue: 2 · red − blue is the digit, 2 · blue − red is none. */
export function coloured({ splits }: Pictures): Pictures {
  const made: Pictures['splits'] = {}
  for (const [split, { pixels, labels }] of Object.entries(splits))
    made[split] = {
      labels,
      pixels: pixels.map((digit, i) => {
        const other = pixels[(i * 7 + 3) % pixels.length]!
        return Uint8Array.from({ length: 3 * SIZE }, (_, at) => {
          const [p, channel] = [Math.floor(at / 3), at % 3]
          return [(digit[p]! + other[p]!) / 2, 77 + (p % 5), other[p]!][channel]!
        })
      }),
    }
  return { channels: 3, splits: made }
}

const flat = (pixels: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pixels))

/** [height, width, channels] to [channels, height, width]. */
const channelsFirst = (picture: Uint8Array, channels: number): Uint8Array =>
  picture.map((_, i) => picture[(i % SIZE) * channels + Math.floor(i / SIZE)]!)

const floats = (bytes: Uint8Array, of: (v: number) => number): Float32Array => Float32Array.from(bytes, of)

type Form = (pictures: Pictures) => Promise<Record<string, Uint8Array | string>>

const arrays =
  (layout: 'nhw' | 'nhwc' | 'nchw', of?: (v: number) => number): Form =>
  async ({ channels, splits }) =>
    Object.fromEntries(
      Object.entries(splits).map(([split, { pixels, labels }]) => {
        const placed = layout === 'nchw' ? pixels.map((p) => channelsFirst(p, channels)) : pixels
        const shape = {
          nhw: [SIDE, SIDE],
          nhwc: [SIDE, SIDE, channels],
          nchw: [channels, SIDE, SIDE],
        }[layout]
        const data = of ? floats(flat(placed), of) : flat(placed)
        const x = npy(of ? '<f4' : '|u1', [pixels.length, ...shape], data)
        const y = npy('<i8', [labels.length], BigInt64Array.from(labels, BigInt))
        return [`${split}.npz`, npz({ x, y }, 0)]
      }),
    )

const table =
  (of: (v: number) => number | string): Form =>
  async ({ channels, splits }) =>
    Object.fromEntries(
      Object.entries(splits).map(([split, { pixels, labels }]) => {
        const header = ['label', ...Array.from({ length: channels * SIZE }, (_, i) => `p${i}`)]
        const rows = pixels.map((picture, i) => [labels[i], ...Array.from(picture, of)].join(','))
        return [`${split}.csv`, [header.join(','), ...rows].join('\n')]
      }),
    )

const folders: Form = async ({ splits }) => {
  const files: Record<string, Uint8Array> = {}
  for (const [split, { pixels, labels }] of Object.entries(splits))
    for (const [i, picture] of pixels.entries())
      files[`${split}/${labels[i]}/${i}.png`] = await png(SIDE, SIDE, picture)
  return files
}

export const FORMS = {
  'PNG folders': folders,
  'byte NPZ': arrays('nchw'),
  'byte NPZ, channels last': arrays('nhwc'),
  'float NPZ 0…1': arrays('nchw', (v) => v / 255),
  'float NPZ 0…255': arrays('nhwc', (v) => v),
  'float NPZ −1…1': arrays('nchw', (v) => v / 127.5 - 1),
  'CSV of bytes': table((v) => v),
  'CSV 0…1': table((v) => (v / 255).toFixed(4)),
} satisfies Record<string, Form>

export async function written(form: Form, pictures: Pictures): Promise<string> {
  return write(temporaryFolder(), await form(pictures))
}

export interface Trained {
  mean: number[]
  std: number[]
  invert?: boolean
}

/** LeNet-5 as if it had been trained on (pixel − mean) / std of pixels in 0…1: a linear layer in front undoes that. */
export function trainedOn(
  { mean, std, invert = false }: Trained,
  channels: 1 | 3,
  order: 'rgb' | 'bgr' = 'rgb',
): Model {
  const model = readModel(path.join(SAMPLES, 'lenet5.onnx')).clone()
  const { graph } = model
  const [input] = graph.requiredInputs
  const weights = channels === 1 ? [1] : order === 'rgb' ? [2, 0, -1] : [-1, 0, 2]
  const sign = invert ? -1 : 1
  const at = (list: readonly number[], c: number): number => list[list.length === 1 ? 0 : c]!
  const bias = weights.reduce((sum, w, c) => sum + w * at(mean, c), 0)
  graph.addInitializer(
    'undo',
    Tensor.float32(
      [1, channels, 1, 1],
      weights.map((w, c) => sign * w * at(std, c)),
    ),
  )
  graph.addInitializer('undo_bias', Tensor.float32([1], [invert ? 1 - bias : bias]))
  const nodes = [...graph.nodes]
  graph.inputs = graph.inputs.map((info) =>
    info.name === input!.name ? { name: 'fed', dtype: 'float32', dims: [null, channels, SIDE, SIDE] } : info,
  )
  const node = graph.addNode({ opType: 'Conv', inputs: ['fed', 'undo', 'undo_bias'], outputs: [input!.name] })
  graph.nodes = [node, ...nodes]
  return model
}
