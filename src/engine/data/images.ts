/** Reads folders of images; decodes the images of a batch in parallel. */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Preprocessing } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { ValueInfo } from '../onnx'
import { requireMemory } from '../onnx/budget'
import {
  checkImage,
  decodePicture,
  imageEnding,
  imageSize,
  openImage,
  placePixels,
  type Size,
} from './image-decode'
import { inferImage, type ImageOptions } from './image-input'
import { KeptPixels } from './kept-pixels'
import { labelsBeside, mediaFiles } from './media-files'
import { THUMBNAIL_SIDE } from './preview'
import type { Reader, ReaderContext } from './reader'
import type { RawLabels, RawSamples, Reading, Source, SourcePreview } from './source'
import { asTexts, charactersFor } from './transcripts/characters'
import { lineOptions } from './transcripts/lines'
import { readingOf, SkippedFiles, withoutSkipped } from './skipped'

export const readImages: Reader = async (place, context) => {
  const { companions, options } = context
  const labelFile = options.labelFile ?? (await labelsBeside(place.path, companions.labelFile))
  const characters = labelFile === undefined ? undefined : await charactersFor(context)
  const listed = await mediaFiles(place.path, 'images', labelFile, characters !== undefined)
  const skipped = new SkippedFiles('images')
  const kept = await withoutSkipped(listed, skipped, checkSome(listed.files.length), options)
  if (kept.files.length === 0) throw skipped.error(place.path)
  const pictures: Pictures = {
    length: kept.files.length,
    name: (index) => kept.files[index]!,
    load: async (index) => path.join(kept.root, kept.files[index]!),
    close: async () => {},
  }
  const labels = asTexts(kept.labels, characters)
  const usual = characters && (await lineOptions(context, pictures))
  return [{ source: await imagesOf(pictures, labels, place.path, context, listed.notes, skipped, usual) }]
}

/** Encoded images by position: files, or bytes out of a larger file. */
interface Pictures {
  length: number
  name(index: number): string
  load(index: number): Promise<string | Uint8Array>
  close(): Promise<void>
}

/** Throws `data/shape-mismatch` where the model takes no single picture, `data/empty`. */
export async function imagesOf(
  pictures: Pictures,
  labels: RawLabels | undefined,
  where: string,
  { inputs }: ReaderContext,
  notes: readonly string[] = [],
  skipped = new SkippedFiles('images'),
  usual: Partial<ImageOptions> = {},
): Promise<Source> {
  const [input, ...others] = inputs.filter(({ state }) => state === undefined)
  if (!input || others.length > 0)
    throw new PareError('data/shape-mismatch', {
      input: inputs.map((i) => i.name).join(', '),
      expected: `${inputs.length} inputs per sample`,
      got: 'one image per sample',
    })
  if (pictures.length === 0) throw new PareError('data/empty', { path: where })
  const suggested = { ...inferImage(input, await commonSize(pictures)), ...usual }
  return new ImageSource(pictures, labels, input, suggested, notes, skipped)
}

/** Small sets are decoded once in full when opened, larger ones by their headers, very large ones as they come. */
const FULL_CHECK = 4000
const HEADER_CHECK = 50_000

function checkSome(count: number): ((file: string) => Promise<unknown>) | undefined {
  if (count <= FULL_CHECK) return checkImage
  return count <= HEADER_CHECK ? imageSize : undefined
}

const LOOK = 16

async function commonSize(pictures: Pictures): Promise<Size | undefined> {
  const looked = Array.from({ length: Math.min(LOOK, pictures.length) }, (_, i) => i)
  const sizes = await Promise.all(
    looked.map(async (i) => imageSize(await pictures.load(i)).catch(() => undefined)),
  )
  const [first] = sizes
  return first && sizes.every((s) => s?.width === first.width && s.height === first.height)
    ? first
    : undefined
}

class ImageSource implements Source {
  private readonly kept = new KeptPixels()

  constructor(
    private readonly pictures: Pictures,
    readonly labels: RawLabels | undefined,
    private readonly input: ValueInfo,
    readonly suggested: Preprocessing,
    private readonly found: readonly string[],
    private readonly skipped: SkippedFiles,
  ) {}

  get length(): number {
    return this.pictures.length
  }

  get notes(): readonly string[] {
    return [...this.found, ...this.skipped.notes]
  }

  async read(
    indices: readonly number[],
    preprocessing: Preprocessing,
    signal?: AbortSignal,
  ): Promise<Reading> {
    const options = imageOptions(preprocessing)
    const { width, height, channels } = options
    requireMemory(
      indices.length * width * height * channels * 4 * 2,
      `${indices.length} pictures of ${width} × ${height} pixels`,
    )
    const pixels = await Promise.all(indices.map((index) => this.pixels(index, options, signal)))
    return readingOf(pixels, this.input, imageDims(options, this.input), (picture, into, at) =>
      placePixels(picture, options, into, at),
    )
  }

  private async pixels(
    index: number,
    options: ImageOptions,
    signal?: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted()
    const before = this.kept.get(index, options)
    if (before) return before
    try {
      const picture = await decodePicture(await this.pictures.load(index), options)
      this.kept.add(index, options, picture)
      return picture.pixels
    } catch (cause) {
      this.skipped.add(this.pictures.name(index), cause)
      return undefined
    }
  }

  async preview(index: number, _?: Preprocessing, side = THUMBNAIL_SIDE): Promise<SourcePreview> {
    const title = this.pictures.name(index).split(path.sep).join('/')
    const fit = { fit: 'inside', withoutEnlargement: true, fastShrinkOnLoad: false } as const
    try {
      const image = await openImage(await this.pictures.load(index))
      const png = await image.resize(side, side, fit).png().toBuffer()
      return { title, thumbnail: `data:image/png;base64,${png.toString('base64')}` }
    } catch (cause) {
      // A sample that cannot be drawn is named among the skipped ones when it is read.
      this.skipped.add(this.pictures.name(index), cause)
      return { title }
    }
  }

  readonly raw: RawSamples = {
    form: (preprocessing) => {
      const options = imageOptions(preprocessing)
      const { name, dtype = 'float32' } = this.input
      const dims = imageDims(options, this.input)
      return { ...options, inputs: [{ name, dtype, dims, from: { kind: 'image' } }] }
    },
    files: async (index) => {
      const picture = await this.pictures.load(index)
      const bytes = typeof picture === 'string' ? await fs.readFile(picture) : picture
      return [{ name: 'image', ending: imageEnding(bytes), bytes }]
    },
  }

  identity(indices: readonly number[]): Promise<Uint8Array[]> {
    return Promise.all(
      indices.map(async (index) => {
        const picture = await this.pictures.load(index)
        return typeof picture === 'string' ? fs.readFile(picture) : picture
      }),
    )
  }

  close(): Promise<void> {
    return this.pictures.close()
  }
}

function imageOptions(preprocessing: Preprocessing): ImageOptions {
  if (preprocessing.kind === 'image') return preprocessing
  throw new PareError('data/shape-mismatch', {
    input: 'preprocessing',
    expected: 'image',
    got: preprocessing.kind,
  })
}

/** Shape of one sample in the layout; a flat input keeps the rank it declares. */
function imageDims({ layout, channels, width, height }: ImageOptions, input: ValueInfo): number[] {
  if (layout === 'nchw') return [channels, height, width]
  if (layout === 'nhwc') return [height, width, channels]
  return (input.dims?.length ?? 2) === 3 ? [height, width] : [channels * height * width]
}
