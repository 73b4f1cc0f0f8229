/** Arrays that hold clips: an axis of steps between samples and values, or an array that names the clip of each sample. */
import type { Dim } from '../onnx'
import { isFree } from '../runtime/signature'
import { pickRows, type Value } from '../runtime/value'
import type { NamedArray } from './arrays'
import { rowDims } from './convert'
import { sameName } from './names'
import type { SampleInput } from './reader'
import type { Rows } from './source'

/** Which clip each sample belongs to. */
const CLIP = /^clips?(_?ids?)?$/i
/** How many steps of each clip are meant, where clips are filled up to one length. */
const LENGTHS = /^(clip_?)?lengths?$/i

interface InSteps {
  /** Each step is a sample. */
  arrays: NamedArray[]
  /** The clip of each sample; absent where the arrays say nothing of clips. */
  clips?: Int32Array
  /** Samples that are meant, where clips are filled up to one length. */
  meant?: number[]
}

/**
 * Steps as samples, for models that carry a state: where the arrays of all inputs that change from step to step have
 * one more axis than the model. What a clip has once, such as the state it begins with, is given to each of its steps.
 */
export async function inSteps(
  arrays: readonly NamedArray[],
  inputs: readonly SampleInput[],
  columns: Readonly<Record<string, string>> = {},
): Promise<InSteps> {
  if (!inputs.some(({ state }) => state !== undefined)) return { arrays: [...arrays] }
  const streams = inputs.filter(({ state, batchAxis }) => state === undefined && batchAxis !== null)
  const named = streams.map((input) => ({
    input,
    array: arrays.find(({ name }) => sameName(name, columns[input.name] ?? input.name)),
  }))
  const [first] = named
  if (!first?.array) return { arrays: [...arrays] }
  const { length, dims } = first.array
  const own = arrays.find(({ name, dims: row }) => CLIP.test(name) && row.length === 0)
  const isClips =
    dims.length > 0 &&
    named.every(
      ({ input, array }) =>
        array?.length === length && array.dims[0] === dims[0] && isLike(array.dims.slice(1), rowDims(input)),
    )
  if (!isClips) {
    if (own?.length !== length) return { arrays: [...arrays] }
    const rest = arrays.filter((array) => array !== own)
    return { arrays: rest, clips: Int32Array.from(await numbersOf(own)) }
  }
  const steps = dims[0]!
  const lengths = arrays.find(
    ({ name, dims: row, length: count }) => LENGTHS.test(name) && row.length === 0 && count === length,
  )
  const inputOf = ({ name }: NamedArray): SampleInput | undefined =>
    inputs.find((input) => sameName(name, columns[input.name] ?? input.name))
  const rest = arrays.filter((array) => array !== lengths && array !== own)
  const unrolled = rest.map((array) => {
    if (array.length !== length) return array
    const input = inputOf(array)
    const isOnce = array.dims[0] !== steps || (input && isLike(array.dims, rowDims(input)))
    return isOnce ? eachStep(array, steps) : stepwise(array, steps)
  })
  const meantOf = lengths && (await numbersOf(lengths))
  return {
    arrays: unrolled,
    clips: Int32Array.from({ length: length * steps }, (_, i) => Math.floor(i / steps)),
    ...(meantOf && {
      meant: Array.from({ length: length * steps }, (_, i) => i).filter(
        (i) => i % steps < meantOf[Math.floor(i / steps)]!,
      ),
    }),
  }
}

const isLike = (shape: readonly number[], want: readonly Dim[]): boolean =>
  shape.length === want.length && want.every((dim, axis) => isFree(dim) || dim === shape[axis])

async function numbersOf(array: NamedArray): Promise<number[]> {
  const rows = await array.open()
  try {
    const { data } = await rows.read(Array.from({ length: array.length }, (_, i) => i))
    return Array.from(data as ArrayLike<number | bigint>, Number)
  } finally {
    await rows.close()
  }
}

/** An array whose rows are found in those of another: `read` gets rows of clips once each, and the steps asked for. */
function ofClips(
  array: NamedArray,
  steps: number,
  dims: readonly number[],
  pick: (clips: Value, at: number[], steps: number[]) => Value,
): NamedArray {
  return {
    ...array,
    length: array.length * steps,
    dims,
    async open(): Promise<Rows> {
      const rows = await array.open()
      return {
        length: array.length * steps,
        dims,
        dtype: array.dtype,
        async read(indices) {
          const wanted = indices.map((index) => Math.floor(index / steps))
          const clips = [...new Set(wanted)]
          const place = new Map(clips.map((clip, at) => [clip, at]))
          const at = wanted.map((clip) => place.get(clip)!)
          const within = indices.map((index) => index % steps)
          return pick(await rows.read(clips), at, within)
        },
        close: () => rows.close(),
      }
    },
  }
}

const stepwise = (array: NamedArray, steps: number): NamedArray =>
  ofClips(array, steps, array.dims.slice(1), (clips, at, within) => {
    const [count, , ...row] = clips.dims as [number, number, ...number[]]
    const all = { ...clips, dims: [count * steps, ...row] }
    return pickRows(
      all,
      at.map((clip, i) => clip * steps + within[i]!),
    )
  })

const eachStep = (array: NamedArray, steps: number): NamedArray =>
  ofClips(array, steps, array.dims, (clips, at) => pickRows(clips, at))
