/** Jobs called without a process around them, on a model whose answers can be told by hand. */
import path from 'node:path'
import { writeModel } from '../../../src/engine/onnx'
import { probeHere } from '../../../src/engine/evaluate/memory'
import type { JobContext } from '../../../src/engine/jobs/job'
import type { JobEvents, ModelAndData } from '../../../src/engine/jobs/protocol'
import { npy, npz, write } from '../data/support'
import { temporaryFolder, tinyModel } from '../run/support'

type Told = { [E in keyof JobEvents]: [event: E, data: JobEvents[E]] }[keyof JobEvents]

export function listening(over: Partial<JobContext> = {}): JobContext & { told: Told[] } {
  const told: Told[] = []
  const emit: JobContext['emit'] = (event, data) => void told.push([event, data] as Told)
  return {
    told,
    emit,
    progress: (done, doing) => emit('progress', { done, doing }),
    signal: new AbortController().signal,
    stopRequested: () => false,
    probe: probeHere,
    ...over,
  }
}

/** Weights of `tinyModel`, [4, 3]. */
const W = Array.from({ length: 12 }, (_, i) => Math.fround(Math.sin(i + 1)))

/** What `tinyModel` answers: relu(x · W), in double precision. */
export const answerOf = (x: ArrayLike<number>): number[] =>
  [0, 1, 2].map((c) =>
    Math.max(
      0,
      [0, 1, 2, 3].reduce((sum, r) => sum + x[r]! * W[3 * r + c]!, 0),
    ),
  )

export const settings = { providers: ['cpu'], threads: 1 }

export const COUNT = 120
/** Inputs spread over [−1, 1], [COUNT, 4]. */
export const INPUTS = Float32Array.from({ length: COUNT * 4 }, (_, i) => Math.sin(12.9898 * (i + 1)))

/** The tiny model and an NPZ of `INPUTS` with one label a sample; without labels, only inputs. */
export function given(labels?: (answer: number[], index: number) => number | number[]): ModelAndData & {
  folder: string
} {
  const folder = temporaryFolder()
  const model = path.join(folder, 'tiny.onnx')
  writeModel(tinyModel(), model)
  const arrays: Record<string, Uint8Array> = { x: npy('<f4', [COUNT, 4], INPUTS) }
  if (labels) {
    const all = Array.from({ length: COUNT }, (_, i) =>
      labels(answerOf(INPUTS.subarray(4 * i, 4 * i + 4)), i),
    )
    arrays.labels =
      typeof all[0] === 'number'
        ? npy('<i8', [COUNT], BigInt64Array.from(all as number[], BigInt))
        : npy('<f4', [COUNT, all[0]!.length], Float32Array.from(all.flat()))
  }
  write(folder, { 'data.npz': npz(arrays) })
  return { folder, model, data: { path: path.join(folder, 'data.npz') }, settings }
}

export const best = (answer: readonly number[]): number => answer.indexOf(Math.max(...answer))
