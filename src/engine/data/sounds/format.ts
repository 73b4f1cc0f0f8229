/** Sound files: what one holds, and its samples. */
import fs from 'node:fs/promises'
import { flacFormat, flacSamples } from './flac'
import { wavFormat, wavSamples, type SoundFormat } from './wav'

interface Sound extends SoundFormat {
  /** Bits of a sample, where the file is no WAV. */
  depth?: number
  /** The first of every channel, −1…1; fewer where the file is shorter. */
  samples(count: number): Promise<Float32Array[]>
}

/** Throws an Error whose message completes "this file …". */
export async function openSound(file: string): Promise<Sound> {
  const head = Buffer.alloc(42)
  const handle = await fs.open(file, 'r')
  const { bytesRead } = await handle.read(head, 0, head.length, 0).finally(() => handle.close())
  if (head.toString('latin1', 0, 4) === 'fLaC')
    return {
      ...flacFormat(head.subarray(0, bytesRead)),
      samples: (count) => flacSamples(file, count),
    }
  const format = await wavFormat(file)
  return { ...format, samples: (count) => wavSamples(file, format, count) }
}
