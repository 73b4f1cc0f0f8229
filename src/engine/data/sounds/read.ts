/** Reads folders of WAV and FLAC files; shorter sounds are padded with silence, longer ones cut, other rates resampled. */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Preprocessing } from '../../../contract/dataset'
import { widthOf } from '../../../contract/audio-features'
import { PareError } from '../../../contract/errors'
import type { ValueInfo } from '../../onnx'
import { requireMemory } from '../../onnx/budget'
import { rowDims, shapeText } from '../convert'
import { labelsBeside, mediaFiles } from '../media-files'
import type { Reader } from '../reader'
import { readingOf, SkippedFiles, withoutSkipped } from '../skipped'
import type { RawLabels, RawSamples, Reading, Source, SourcePreview } from '../source'
import { asTexts, charactersFor } from '../transcripts/characters'
import { featureShapesOf, waysToHear, type FeatureShape } from './conventions'
import { listening, type AudioOptions } from './decode'
import { openSound } from './format'
import { wavBytes, type SoundFormat } from './wav'

/** Where the model leaves the length open, a sound is at most this long. */
const LONGEST_SECONDS = 10

export const readAudio: Reader = async (place, context) => {
  const { inputs, companions, options } = context
  const [input, ...others] = inputs.filter(({ state }) => state === undefined)
  if (!input || others.length > 0)
    throw new PareError('data/shape-mismatch', {
      input: inputs.map((i) => i.name).join(', '),
      expected: `${inputs.length} inputs per sample`,
      got: 'one sound per sample',
    })
  const single = (await fs.stat(place.path)).isFile()
  const labelFile =
    options.labelFile ?? (single ? undefined : await labelsBeside(place.path, companions.labelFile))
  const characters = labelFile === undefined ? undefined : await charactersFor(context)
  const root = single ? path.dirname(place.path) : place.path
  const listed = single
    ? { root, files: [path.basename(place.path)], notes: [] }
    : await mediaFiles(root, 'audio', labelFile, characters !== undefined)
  const skipped = new SkippedFiles('sounds')
  let longest = 0
  const check = async (file: string): Promise<void> => {
    const { length, sampleRate } = await openSound(file)
    longest = Math.max(longest, length / sampleRate)
  }
  const kept = await withoutSkipped(listed, skipped, check, options)
  if (kept.files.length === 0) throw skipped.error(root)
  const first = await openSound(path.join(root, kept.files[0]!))
  // Of texts no end may be cut off; of classes all sounds are as long as the first.
  const length = characters ? Math.round(longest * first.sampleRate) : first.length
  const suggested = inferAudio(input, { ...first, length })
  const labels = asTexts(kept.labels, characters)
  const notes = [
    ...listed.notes,
    `The model is taken to listen at ${suggested.sampleRate} Hz, the rate of the first sound.`,
  ]
  return [{ source: new AudioSource(root, kept.files, labels, input, suggested, notes, skipped) }]
}

/** Which axis of a sample is time: [T], [C, T] or [T, C]. */
function layoutOf(input: ValueInfo): { time: number | undefined; channels: number; channelsLast: boolean } {
  const dims = rowDims(input)
  const number = (i: number): number | undefined => (typeof dims[i] === 'number' ? dims[i] : undefined)
  if (dims.length === 1) return { time: number(0), channels: 1, channelsLast: false }
  if (dims.length === 2) {
    const [a, b] = [number(0), number(1)]
    const last = b !== undefined && b <= 16 && (a === undefined || a > b)
    return last
      ? { time: a, channels: b, channelsLast: true }
      : { time: b, channels: a ?? 1, channelsLast: false }
  }
  throw new PareError('data/shape-mismatch', {
    input: input.name,
    expected: `[samples, ${shapeText(dims).slice(1, -1)}]`,
    got: 'sounds: their wave, or frames of 10 to 512 bands',
  })
}

function inferAudio(input: ValueInfo, sound: SoundFormat): AudioOptions {
  const { sampleRate } = sound
  const most = Math.max(1, Math.min(sound.length, LONGEST_SECONDS * sampleRate))
  const shapes = featureShapesOf(rowDims(input))
  const [likeliest] = shapes
  if (!likeliest) {
    const { time, channels } = layoutOf(input)
    return { kind: 'audio', sampleRate, samples: time ?? most, channels, scale: 1 }
  }
  const [way] = shapes.flatMap((shape) => waysToHear(shape, most, sampleRate))
  const heard = way ? { samples: most, features: way.features } : spanned(likeliest, sampleRate)
  return { kind: 'audio', sampleRate, channels: 1, scale: 1, ...heard }
}

/** As many samples as the frames of the input span, where sounds have another length. */
function spanned(shape: FeatureShape, sampleRate: number): Pick<AudioOptions, 'samples' | 'features'> {
  const timing = { window: Math.round(0.025 * sampleRate), hop: Math.round(0.01 * sampleRate) }
  const samples = ((shape.frames ?? 1) - 1) * timing.hop + timing.window
  const [way] = waysToHear(shape, samples, sampleRate)
  return { samples, features: way!.features }
}

class AudioSource implements Source {
  constructor(
    private readonly root: string,
    private readonly files: readonly string[],
    readonly labels: RawLabels | undefined,
    private readonly input: ValueInfo,
    readonly suggested: AudioOptions,
    private readonly found: readonly string[],
    private readonly skipped: SkippedFiles,
  ) {}

  get length(): number {
    return this.files.length
  }

  get notes(): readonly string[] {
    return [...this.found, ...this.skipped.notes]
  }

  async read(
    indices: readonly number[],
    preprocessing: Preprocessing,
    signal?: AbortSignal,
  ): Promise<Reading> {
    const options = preprocessing.kind === 'audio' ? preprocessing : this.suggested
    const { channelsLast } = this.placeOf(options)
    requireMemory(
      indices.length * options.samples * options.channels * 4 * 4,
      `${indices.length} sounds of ${options.samples} samples`,
    )
    const { hear } = listening(options, channelsLast)
    const heard = await Promise.all(
      indices.map(async (index) => {
        const file = this.files[index]!
        signal?.throwIfAborted()
        try {
          return await hear(path.join(this.root, file))
        } catch (cause) {
          this.skipped.add(file, cause)
          return undefined
        }
      }),
    )
    return readingOf(heard, this.input, this.placeOf(options).dims, (values, into, at) =>
      into.set(values, at),
    )
  }

  async preview(index: number, preprocessing: Preprocessing): Promise<SourcePreview> {
    const title = this.files[index]!.split(path.sep).join('/')
    const { inputs, kept } = await this.read([index], preprocessing)
    return kept?.length === 0 ? { title } : { title, inputs }
  }

  readonly raw: RawSamples = {
    form: (preprocessing) => {
      const options = preprocessing.kind === 'audio' ? preprocessing : this.suggested
      const { dims, channelsLast } = this.placeOf(options)
      const { name, dtype = 'float32' } = this.input
      return { ...options, inputs: [{ name, dtype, dims, from: { kind: 'sound', channelsLast } }] }
    },
    files: async (index) => [
      { name: 'sound', ending: '.wav', bytes: await asWav(path.join(this.root, this.files[index]!)) },
    ],
  }

  /** Shape of a sample. */
  private placeOf(options: AudioOptions): { dims: number[]; channelsLast: boolean } {
    const { samples, channels, features } = options
    const dims = rowDims(this.input)
    if (features) {
      const { layout, frames } = features
      const axes = [frames, widthOf(features)]
      if (layout === 'bands-first') axes.reverse()
      return { dims: dims.map((dim) => (dim === 1 ? 1 : axes.shift()!)), channelsLast: false }
    }
    if (dims.length === 1) return { dims: [samples], channelsLast: false }
    const { channelsLast } = layoutOf(this.input)
    return { dims: channelsLast ? [samples, channels] : [channels, samples], channelsLast }
  }

  identity(indices: readonly number[]): Promise<Uint8Array[]> {
    return Promise.all(indices.map((index) => fs.readFile(path.join(this.root, this.files[index]!))))
  }

  async close(): Promise<void> {}
}

/** What a device is given: every runtime's language reads WAV. */
async function asWav(file: string): Promise<Uint8Array> {
  const sound = await openSound(file)
  return sound.depth === undefined
    ? fs.readFile(file)
    : wavBytes(await sound.samples(Infinity), sound.sampleRate, sound.depth)
}
