/** Decoded pictures that are read again and again: by every way to prepare them that is tried, by every epoch. */
import { MEMORY_BUDGET } from '../onnx/budget'
import { placedIn, type Decoded, type Size } from './image-decode'
import type { ImageOptions } from './image-input'

const MOST = Math.min(128 * 2 ** 20, MEMORY_BUDGET / 16)

/** What decides the pixels of pictures of a size; the rest of the preprocessing is arithmetic on them. */
const geometryOf = (size: Size, options: ImageOptions): string =>
  JSON.stringify([options.width, options.height, options.channels, placedIn(size, options)])

/** What decides the pixels of pictures of any size. */
const nameOf = ({ width, height, channels, resize, cropRatio }: ImageOptions): string =>
  [width, height, channels, resize, cropRatio].join(' ')

interface Group {
  options: ImageOptions
  pictures: Map<number, Decoded>
}

/** Pictures by position, up to `budget` bytes. Whoever gets their pixels must not write to them. */
export class KeptPixels {
  private readonly groups = new Map<string, Group>()
  private bytes = 0

  constructor(private readonly budget = MOST) {}

  /** Also of a geometry that comes to the same for this picture: one of the right size is neither cropped nor stretched. */
  get(index: number, options: ImageOptions): Uint8Array | undefined {
    const own = this.groups.get(nameOf(options))?.pictures.get(index)
    if (own) return own.pixels
    for (const group of this.groups.values()) {
      const found = group.pictures.get(index)
      if (found && geometryOf(found.size, group.options) === geometryOf(found.size, options))
        return found.pixels
    }
    return undefined
  }

  /** Those of geometries of before give way. Of one geometry the first stay: pictures are read in rounds. */
  add(index: number, options: ImageOptions, picture: Decoded): void {
    const name = nameOf(options)
    const { length } = picture.pixels
    for (const other of this.groups.keys())
      if (other !== name && this.bytes + length > this.budget) this.drop(other)
    if (this.bytes + length > this.budget) return
    const group = this.groups.get(name) ?? { options, pictures: new Map<number, Decoded>() }
    if (group.pictures.has(index)) return
    group.pictures.set(index, picture)
    this.groups.set(name, group)
    this.bytes += length
  }

  private drop(name: string): void {
    for (const { pixels } of this.groups.get(name)!.pictures.values()) this.bytes -= pixels.length
    this.groups.delete(name)
  }
}
