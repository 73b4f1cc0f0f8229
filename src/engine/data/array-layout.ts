/** Arrays whose first axis is not the samples: laid out as the model takes them, or one value for all samples. */
import { isFree } from '../runtime/signature'
import { moveAxis, pickRows, type Value } from '../runtime/value'
import type { NamedArray } from './arrays'
import { fitRows, rowDims } from './convert'
import { sameName } from './names'
import type { SampleInput } from './reader'
import type { Rows } from './source'

/**
 * The same arrays with samples along the first axis of each. How many samples there are is told by the array of
 * the first input, else by most arrays; others are turned where the model has its samples on another axis, and
 * repeated where they hold one value.
 */
export function inSamples(
  arrays: readonly NamedArray[],
  inputs: readonly SampleInput[],
  columns: Readonly<Record<string, string>> = {},
): NamedArray[] {
  const nameFor = (input: SampleInput): string => columns[input.name] ?? input.name
  const inputOf = (array: NamedArray): SampleInput | undefined =>
    inputs.find((input) => sameName(array.name, nameFor(input)))
  const count = samplesOf(arrays, inputOf, inputs[0])
  return arrays.map((array) => {
    const input = inputOf(array)
    if (!input) return array
    const shape = [array.length, ...array.dims]
    const axis = input.batchAxis
    const fits = fitRows(array.dims, rowDims(input)) !== undefined
    if (
      axis !== null &&
      axis > 0 &&
      shape[axis] === count &&
      !(array.length === count && fits) &&
      laidOut(shape, input)
    )
      return turned(array, axis)
    const single = array.length === 1 && (fits || array.dims.length === 0)
    if (count > 1 && array.length !== count && single) return repeated(array, array.dims, count)
    if (count > 1 && array.length !== count && fitRows(shape, rowDims(input)))
      return repeated(array, shape, count)
    return array
  })
}

function samplesOf(
  arrays: readonly NamedArray[],
  inputOf: (array: NamedArray) => SampleInput | undefined,
  first: SampleInput | undefined,
): number {
  const main = first && arrays.find((array) => inputOf(array) === first)
  if (main && (first.batchAxis === 0 || first.batchAxis === null)) return main.length
  const counts = new Map<number, number>()
  for (const { length } of arrays) counts.set(length, (counts.get(length) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0
}

/** The shape is that of the model's input, with any number of samples on their axis. */
function laidOut(shape: readonly number[], input: SampleInput): boolean {
  const want = [...rowDims(input)]
  want.splice(input.batchAxis!, 0, null)
  return shape.length === want.length && want.every((dim, axis) => isFree(dim) || dim === shape[axis])
}

/** All of an array at once: what is laid out otherwise is small beside the samples. */
const whole = async (array: NamedArray): Promise<Value> => {
  const rows = await array.open()
  try {
    return await rows.read(Array.from({ length: array.length }, (_, i) => i))
  } finally {
    await rows.close()
  }
}

const rowsOf = (dtype: NamedArray['dtype'], value: () => Value, at: (index: number) => number): Rows => ({
  length: value().dims[0]!,
  dims: value().dims.slice(1),
  dtype,
  read: async (indices) => pickRows(value(), indices.map(at)),
  close: async () => undefined,
})

function turned(array: NamedArray, axis: number): NamedArray {
  const shape = [array.length, ...array.dims]
  const [length] = shape.splice(axis, 1)
  return {
    ...array,
    length: length!,
    dims: shape,
    async open() {
      const value = moveAxis(await whole(array), axis, 0)
      return rowsOf(
        array.dtype,
        () => value,
        (index) => index,
      )
    },
  }
}

function repeated(array: NamedArray, dims: readonly number[], length: number): NamedArray {
  return {
    ...array,
    length,
    dims,
    async open() {
      const value = await whole(array)
      const one = { ...value, dims: [1, ...dims] }
      return {
        ...rowsOf(
          array.dtype,
          () => one,
          () => 0,
        ),
        length,
      }
    },
  }
}
