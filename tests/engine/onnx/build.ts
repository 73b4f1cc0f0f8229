/** Protobuf messages by hand, so that the reader is tested against bytes the writer did not make. */
export function varint(value: number | bigint): number[] {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  return [...out, Number(rest)]
}

export const int = (field: number, value: number | bigint): number[] => [
  ...varint(field * 8),
  ...varint(value),
]

export const bytes = (field: number, content: ArrayLike<number>): number[] => [
  ...varint(field * 8 + 2),
  ...varint(content.length),
  ...Array.from(content),
]

export const text = (field: number, content: string): number[] => bytes(field, Buffer.from(content))

export const packed = (field: number, values: readonly (number | bigint)[]): number[] =>
  bytes(field, values.flatMap(varint))

export const fixed32 = (field: number, value: number): number[] => [
  ...varint(field * 8 + 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
]

/** A ModelProto around a graph's fields. */
export const model = (graph: number[], more: number[] = []): Uint8Array =>
  Uint8Array.from([...int(1, 10), ...bytes(7, graph), ...bytes(8, int(2, 21)), ...more])

/** A TensorProto: dims and dtype code, then the fields of its data. */
export const tensor = (name: string, code: number, dims: readonly number[], data: number[]): number[] => [
  ...dims.flatMap((dim) => int(1, dim)),
  ...int(2, code),
  ...data,
  ...text(8, name),
]

export const port = (name: string, code: number, dims: readonly number[]): number[] => [
  ...text(1, name),
  ...bytes(
    2,
    bytes(1, [
      ...int(1, code),
      ...bytes(
        2,
        dims.flatMap((dim) => bytes(1, int(1, dim))),
      ),
    ]),
  ),
]
