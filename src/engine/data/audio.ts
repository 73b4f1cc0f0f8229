/** Reads folders of WAV files; shorter sounds are padded with silence, longer ones cut, other rates resampled. */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Preprocessing } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { resample } from '../math/resample'
import type { ValueInfo } from '../onnx'
import { requireMemory } from '../onnx/budget'
import { rowDims, shapeText } from './convert'
import { mediaFiles } from './media-files'
import type { Reader } from './reader'
import { asTexts, charactersFor } from './transcripts/characters'
import { readingOf, SkippedFiles, withoutSkipped } from './skipped'
import type { RawLabels, RawSamples, Reading, Source, SourcePreview } from './source'
import { wavFormat, wavSamples } from './wav'

type AudioOptions = Extract<Preprocessing, { kind: 'audio' }>

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
  const labelFile = options.labelFile ?? companions.labelFile
  const characters = labelFile === undefined ? undefined : await charactersFor(context)
  const single = (await fs.stat(place.path)).isFile()
  const root = single ? path.dirname(place.path) : place.path
  const listed = single
    ? { root, files: [path.basename(place.path)], notes: [] }
    : await mediaFiles(root, 'audio', labelFile, characters !== undefined)
  const skipped = new SkippedFiles('sounds')
  const kept = await withoutSkipped(listed, skipped, wavFormat, options)
  if (kept.files.length === 0) throw skipped.error(root)
  const first = await wavFormat(path.join(root, kept.files[0]!))
  const suggested = inferAudio(input, first)
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
    got: 'sound waves; a model that takes spectrograms needs them ready, as NPZ',
  })
}

function inferAudio(input: ValueInfo, first: { sampleRate: number; length: number }): AudioOptions {
  const { time, channels } = layoutOf(input)
  const { sampleRate } = first
  const samples = time ?? Math.max(1, Math.min(first.length, LONGEST_SECONDS * sampleRate))
  return { kind: 'audio', sampleRate, samples, channels, scale: 1 }
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
    const { samples, channels } = options
    const { channelsLast } = layoutOf(this.input)
    requireMemory(
      indices.length * samples * channels * 4 * 4,
      `${indices.length} sounds of ${samples} samples`,
    )
    const waves = await Promise.all(indices.map((index) => this.wave(this.files[index]!, options, signal)))
    return readingOf(waves, this.input, this.dimsOf(options), (wave, into, at) =>
      placeWave(wave, { samples, channels, channelsLast }, into, at),
    )
  }

  /** One array of `samples` numbers per channel the model wants, or undefined where the file is damaged. */
  private async wave(
    file: string,
    options: AudioOptions,
    signal?: AbortSignal,
  ): Promise<Float32Array[] | undefined> {
    signal?.throwIfAborted()
    try {
      return await decodeSound(path.join(this.root, file), options)
    } catch (cause) {
      this.skipped.add(file, cause)
      return undefined
    }
  }

  async preview(index: number, preprocessing: Preprocessing): Promise<SourcePreview> {
    const title = this.files[index]!.split(path.sep).join('/')
    const { inputs, kept } = await this.read([index], preprocessing)
    return kept?.length === 0 ? { title } : { title, inputs }
  }

  readonly raw: RawSamples = {
    form: (preprocessing) => {
      const options = preprocessing.kind === 'audio' ? preprocessing : this.suggested
      const { channelsLast } = layoutOf(this.input)
      const { name, dtype = 'float32' } = this.input
      const dims = this.dimsOf(options)
      return { ...options, inputs: [{ name, dtype, dims, from: { kind: 'sound', channelsLast } }] }
    },
    files: async (index) => [
      { name: 'sound', ending: '.wav', bytes: await fs.readFile(path.join(this.root, this.files[index]!)) },
    ],
  }

  private dimsOf({ samples, channels }: AudioOptions): number[] {
    if (rowDims(this.input).length === 1) return [samples]
    return layoutOf(this.input).channelsLast ? [samples, channels] : [channels, samples]
  }

  identity(indices: readonly number[]): Promise<Uint8Array[]> {
    return Promise.all(indices.map((index) => fs.readFile(path.join(this.root, this.files[index]!))))
  }

  async close(): Promise<void> {}
}

/** One array of `samples` numbers per channel. Throws an Error whose message completes "this file …". */
export async function decodeSound(file: string, options: AudioOptions): Promise<Float32Array[]> {
  const format = await wavFormat(file)
  const count = Math.ceil((options.samples * format.sampleRate) / options.sampleRate) + format.sampleRate
  const channels = mixed(await wavSamples(file, format, count), options.channels)
  return channels.map((wave) => {
    const out = resample(wave, format.sampleRate, options.sampleRate, options.samples)
    return options.scale === 1 ? out : out.map((v) => v * options.scale)
  })
}

/** Writes a wave into `into` from `at` on, by channel or by time. */
export function placeWave(
  wave: readonly Float32Array[],
  { samples, channels, channelsLast }: { samples: number; channels: number; channelsLast: boolean },
  into: Float32Array,
  at: number,
): void {
  for (const [c, values] of wave.entries())
    for (let t = 0; t < samples; t++)
      into[at + (channelsLast ? t * channels + c : c * samples + t)] = values[t]!
}

/** The mean of all channels for one; otherwise channel by channel, the last repeated. */
function mixed(channels: readonly Float32Array[], want: number): Float32Array[] {
  if (want === channels.length) return [...channels]
  if (want === 1)
    return [channels[0]!.map((_, i) => channels.reduce((sum, wave) => sum + wave[i]!, 0) / channels.length)]
  return Array.from({ length: want }, (_, c) => channels[Math.min(c, channels.length - 1)]!)
}
