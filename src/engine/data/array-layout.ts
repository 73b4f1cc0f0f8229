/** Arrays whose first axis is not the samples: laid out as the model takes them, or one value for all samples. */
import { sizeOf, type Dim } from '../onnx'
import { requireMemory } from '../onnx/budget'
import { isFree } from '../runtime/signature'
import { moveAxis, pickRows, type Value } from '../runtime/value'
import type { NamedArray } from './arrays'
import { rowDims } from './convert'
import { sameName } from './names'
import type { SampleInput } from './reader'
import type { Rows } from './source'

/**
 * The same arrays with samples along the first axis of each. How many samples there are is told by the array of
 * the first input that has some; others are turned where the model has its samples on another axis, and
 * repeated where they hold one value for all.
 */
export function inSamples(
  arrays: readonly NamedArray[],
  inputs: readonly SampleInput[],
  columns: Readonly<Record<string, string>> = {},
): NamedArray[] {
  const inputOf = (array: NamedArray): SampleInput | undefined =>
    inputs.find((input) => sameName(array.name, columns[input.name] ?? input.name))
  const found = arrays.map((array) => {
    const input = inputOf(array)
    return { array, input, lies: input ? layoutOf(array, input) : 'rows' } as const
  })
  const ranked = inputs.flatMap((input) => found.filter((one) => one.input === input))
  const counted = ranked.filter(({ lies }) => lies !== 'once')
  // A number may be one value for all or the value of a single sample; what has an axis of samples tells.
  const main = counted.find(({ input }) => input!.batchAxis !== null) ?? counted[0] ?? ranked[0]
  if (!main) return [...arrays]
  const count =
    main.lies === 'once'
      ? 1
      : main.lies === 'rows'
        ? main.array.length
        : shapeOf(main.array)[main.input!.batchAxis!]!
  return found.map(({ array, input, lies }) => {
    if (lies === 'turned') return turned(array, input!.batchAxis!)
    if (lies === 'once') return repeated(array, shapeOf(array), count)
    return input && array.length === 1 && count > 1 ? repeated(array, array.dims, count) : array
  })
}

const shapeOf = ({ length, dims }: NamedArray): number[] => [length, ...dims]

const isLike = (shape: readonly number[], want: readonly Dim[]): boolean =>
  shape.length === want.length && want.every((dim, axis) => isFree(dim) || dim === shape[axis])

/** Samples along the first axis, along the model's own, or one value for all of them. */
function layoutOf(array: NamedArray, input: SampleInput): 'rows' | 'turned' | 'once' {
  const row = rowDims(input)
  const axis = input.batchAxis
  if (isLike(array.dims, row)) return 'rows'
  if (axis !== null && axis > 0 && isLike(shapeOf(array), row.toSpliced(axis, 0, null))) return 'turned'
  return axis === null && isLike(shapeOf(array), row) ? 'once' : 'rows'
}

/** All of an array at once: what is laid out otherwise is small beside the samples. */
const whole = async (array: NamedArray): Promise<Value> => {
  requireMemory(array.length * sizeOf(array.dims) * 8 * 2, `the array ${array.name} as a whole`)
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
