/**
 * Pictures' library (libvips through sharp). It is loaded with the first picture: that takes as long as starting the
 * rest of the engine, and most of what an engine is asked for has no pictures.
 */
import type sharp from 'sharp'

export const pictureLibrary = async (): Promise<typeof sharp> => (await import('sharp')).default

export interface RawPicture {
  width: number
  height: number
  channels: 1 | 2 | 3 | 4
  /** 0…255 as [height, width, channels]. */
  pixels: Uint8Array
}

/** A PNG as a data: URI; no side longer than `side` pixels where one is given. */
export async function pngUri(
  { width, height, channels, pixels }: RawPicture,
  side = Infinity,
): Promise<string> {
  const open = await pictureLibrary()
  const image = open(pixels, { raw: { width, height, channels } })
  if (Math.max(width, height) > side) image.resize(side, side, { fit: 'inside' })
  return `data:image/png;base64,${(await image.png().toBuffer()).toString('base64')}`
}
