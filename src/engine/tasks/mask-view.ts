/** Masks as pictures that lie over the sample: a colour a class, or one colour as strong as the share is. */
import type { ViewOf } from '../../contract/sample-views'
import { pngUri } from '../runtime/pictures'

interface Mask {
  width: number
  height: number
  /** The class of each pixel; below zero none. */
  classes?: ArrayLike<number>
  /** Or a share from 0 to 1. */
  shares?: ArrayLike<number>
}

/** Hues by the golden angle are far from each other, however many there are; the first class is the ground, unseen. */
function colourOf(klass: number): [red: number, green: number, blue: number] {
  const hue = (klass * 137.508) % 360
  const channel = (n: number): number => {
    const k = (n + hue / 30) % 12
    return Math.round(255 * (0.5 - 0.45 * Math.max(-1, Math.min(k - 3, 9 - k, 1))))
  }
  return [channel(0), channel(8), channel(4)]
}

const OPAQUE = 200

async function pictureOf({ width, height, classes, shares }: Mask): Promise<string> {
  const pixels = Buffer.alloc(4 * width * height)
  for (let i = 0; i < width * height; i++) {
    const klass = shares ? 1 : classes![i]!
    if (klass <= 0) continue
    pixels.set([...colourOf(klass), shares ? Math.round(OPAQUE * shares[i]!) : OPAQUE], 4 * i)
  }
  return pngUri({ width, height, channels: 4, pixels })
}

export async function maskViews(
  masks: readonly Mask[],
  truth: Mask,
  names: readonly string[] = [],
): Promise<ViewOf<'masks'>[]> {
  const right = await pictureOf(truth)
  const legend = names.slice(1).map((name, i) => ({ name, colour: `rgb(${colourOf(i + 1).join(' ')})` }))
  return Promise.all(
    masks.map(async (mask) => ({ kind: 'masks', mask: await pictureOf(mask), truth: right, legend })),
  )
}
