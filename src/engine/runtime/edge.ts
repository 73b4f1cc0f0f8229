/**
 * Inputs and outputs whose type was changed on purpose: samples keep the type the model had them in, and are turned into
 * what the file takes, or out of what it gives, where they meet it. What was there before is noted in the model.
 */
import { z } from 'zod'
import { sizeOf, type DType, type Model, type ValueInfo } from '../onnx'
import { decode, encode } from '../onnx/numeric'
import { floatsOf, type Value, type ValueData } from './value'

const Note = z.strictObject({
  of: z.enum(['float16', 'float32', 'float64', 'int8', 'uint8']),
  scale: z.number().positive().optional(),
  zeroPoint: z.number().optional(),
})

/** How a value lies in the file: that of a sample = (that of the file − zeroPoint) · scale. */
export interface Edge {
  /** In the file. */
  dtype: DType
  scale: number
  zeroPoint: number
}

/** The type samples have, and how the file differs from it. */
interface EdgeTypes {
  dtype: DType
  edge?: Edge
}

const KEY = 'pare.edge.'

/** Types of a port whose type in the file is `dtype`; notes that say nothing sensible are left unread. */
export function edgeTypes({ metadata }: Model, { name, dtype }: ValueInfo): EdgeTypes | undefined {
  if (!dtype) return undefined
  const text = metadata.get(KEY + name)
  if (text === undefined) return { dtype }
  const note = parsed(text)
  if (!note || (note.of === dtype && note.scale === undefined)) return { dtype }
  const { of, scale = 1, zeroPoint = 0 } = note
  return { dtype: of, edge: { dtype, scale, zeroPoint } }
}

function parsed(text: string): z.output<typeof Note> | undefined {
  try {
    return Note.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Notes that a port which held `of` holds something else now; nothing is noted where it holds the same. */
export function noteEdge(
  { metadata }: Model,
  { name, dtype }: ValueInfo,
  of: DType,
  codes?: { scale: number; zeroPoint: number },
): void {
  if (of === dtype && !codes) metadata.delete(KEY + name)
  else
    metadata.set(
      KEY + name,
      JSON.stringify({ of, ...(codes && { scale: codes.scale, zeroPoint: codes.zeroPoint }) }),
    )
}

/** A value in the type of samples as the file takes it: rounded and saturated, as QuantizeLinear and Cast do. */
export function toFile(value: Value, edge: Edge | undefined): Value {
  if (!edge) return value
  const { dtype, scale, zeroPoint } = edge
  return converted(value, dtype, scale === 1 ? (x) => x + zeroPoint : (x) => x / scale + zeroPoint)
}

/** What the file gives in the type of samples. */
export function fromFile(value: Value, { dtype, edge }: { dtype?: DType; edge?: Edge }): Value {
  if (!edge || !dtype) return value
  return converted(value, dtype, (x) => (x - edge.zeroPoint) * edge.scale)
}

function converted(value: Value, dtype: DType, map: (x: number) => number): Value {
  const numbers = value.data instanceof Float64Array ? value.data : floatsOf(value)
  const mapped = Float64Array.from(numbers, map)
  const bytes = encode(dtype, mapped)
  const size = sizeOf(value.dims)
  const data = dtype === 'float16' ? decode('uint16', bytes, size) : decode(dtype, bytes, size)
  return { dtype, dims: value.dims, data: data as ValueData }
}
