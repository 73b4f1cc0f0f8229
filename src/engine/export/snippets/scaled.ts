/** Numbers of arrays and columns that code must put in order and scale before a model takes them. */
import type { SampleInput } from '../../../contract/sample-form'
import { sizeOf } from '../../onnx'
import type { SnippetContext } from './context'

interface ScaledInput {
  /** Name of the function that does it. */
  function: string
  size: number
  /** Where element `i` lies among the numbers as they are stored. */
  source: string
  /** Which of `mean` and `std` element `i` has. */
  channel: string
  scale: number
  mean: readonly number[]
  std: readonly number[]
}

/** `divide` writes the whole quotient of two expressions. Inputs of other types than float32 are left out. */
export function scaledInputs(
  { form, inputs }: SnippetContext,
  divide: (a: string, b: number) => string,
): ScaledInput[] {
  if (form?.kind !== 'array') return []
  return form.inputs.flatMap((input, k): ScaledInput[] => {
    const { affine, transpose, reversed, dims, dtype } = input
    const port = inputs[k]
    const source = sourceOf(input, divide)
    if (!port || !source || dtype !== 'float32' || !(affine || transpose || reversed !== undefined)) return []
    const { scale, mean, std, inner } = affine ?? { scale: 1, mean: [0], std: [1], inner: 1 }
    const name = port.variable[0]!.toUpperCase() + port.variable.slice(1)
    const channel = mean.length === 1 ? '0' : `${divide('i', inner)} % ${mean.length}`
    return [{ function: `prepare${name}`, size: sizeOf(dims), source, channel, scale, mean, std }]
  })
}

/** Undefined where no short expression says it. */
function sourceOf(
  { from, stored, transpose, reversed, dims }: SampleInput,
  divide: (a: string, b: number) => string,
): string | undefined {
  const shape = stored ?? (from.kind === 'array' ? from.dims : dims)
  const [a = 1, b = 1, c = 1] = shape
  const at = (i: string): string | undefined => {
    if (!transpose) return i
    if (String(transpose) === '2,0,1') return `${i} % ${a * b} * ${c} + ${divide(i, a * b)}`
    return String(transpose) === '1,2,0' ? `${i} % ${a} * ${b * c} + ${divide(i, a)}` : undefined
  }
  if (reversed === undefined) return at('i')
  if (dims[reversed] !== 3) return undefined
  const inner = sizeOf(dims.slice(reversed + 1))
  return at(`(i + (2 - 2 * (${divide('i', inner)} % 3)) * ${inner})`)
}
