/** Sounds as a model takes them: channels, rate and length, and what it hears of them. */
import type { Preprocessing } from '../../../contract/dataset'
import { FrontEnd } from '../../math/sound/features'
import { resample } from '../../math/sound/resample'
import { openSound } from './format'

export type AudioOptions = Extract<Preprocessing, { kind: 'audio' }>

/** How one file becomes the numbers of an input. */
interface Listening {
  /** Throws an Error whose message completes "this file …". */
  hear(file: string): Promise<Float32Array>
}

/**
 * Numbers of one sample: the wave, [channels, samples] or, `channelsLast`, [samples, channels]; or its features in the order
 * of their axes that the preprocessing says.
 */
export function listening(options: AudioOptions, channelsLast: boolean): Listening {
  const { features, sampleRate } = options
  const front = features && new FrontEnd(features, sampleRate)
  return {
    async hear(file) {
      const waves = await wavesOf(file, options)
      if (!front || !features) return channelsLast ? turned(joined(waves), options.samples) : joined(waves)
      const { width, data } = front.of(waves[0]!, features.frames)
      const all = new Float32Array(features.frames * width)
      all.set(data)
      return features.layout === 'frames-first' ? all : turned(all, width)
    },
  }
}

/** One array of `samples` numbers per channel. */
async function wavesOf(file: string, options: AudioOptions): Promise<Float32Array[]> {
  const sound = await openSound(file)
  const count = Math.ceil((options.samples * sound.sampleRate) / options.sampleRate) + sound.sampleRate
  const channels = mixed(await sound.samples(count), options.channels)
  return channels.map((wave) => {
    const out = resample(wave, sound.sampleRate, options.sampleRate, options.samples)
    return options.scale === 1 ? out : out.map((v) => v * options.scale)
  })
}

function joined(waves: readonly Float32Array[]): Float32Array {
  const [first, ...others] = waves
  if (others.length === 0) return first!
  const all = new Float32Array(first!.length * waves.length)
  for (const [c, wave] of waves.entries()) all.set(wave, c * first!.length)
  return all
}

/** [rows, columns] as [columns, rows]. */
function turned(data: Float32Array, columns: number): Float32Array {
  const rows = data.length / columns
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!)
}

/** The mean of all channels for one; otherwise channel by channel, the last repeated. */
function mixed(channels: readonly Float32Array[], want: number): Float32Array[] {
  if (want === channels.length) return [...channels]
  if (want === 1)
    return [channels[0]!.map((_, i) => channels.reduce((sum, wave) => sum + wave[i]!, 0) / channels.length)]
  return Array.from({ length: want }, (_, c) => channels[Math.min(c, channels.length - 1)]!)
}
