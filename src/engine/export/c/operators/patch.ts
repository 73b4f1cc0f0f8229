/** Operators of Pare's own that carry patches of a tensor: along one axis, patch after patch by the counter `patch` of a loop. */
import { sizeOf } from '../../../onnx'
import type { Lower, Site } from '../lowering'
import { cType, literal } from '../types'

/** Axis that patches follow one another on: the first spatial one. */
export const PATCHED_AXIS = 2

/** Where patch `patch` begins on the last tensor: the last one so early that it is as long as the others. */
const AT = '(patch * n < last ? patch * n : last)'

/** Around the axis: what lies before it, and elements of each of its places. */
const around = (dims: readonly number[]): { outer: number; inner: number } => ({
  outer: sizeOf(dims.slice(0, PATCHED_AXIS)),
  inner: sizeOf(dims.slice(PATCHED_AXIS + 1)),
})

const counted = (site: Site, names: readonly string[]): (readonly [string, number | string])[] => [
  ['patch', 'patch'],
  ...names.map((name) => [name, site.node.int(name, 0)] as const),
]

/** Elements of places [first, first + rows) along the axis, what lies beyond it as `fill`; `from` is the index of the place before `i`. */
const filled = (
  site: Site,
  { row, line }: { row: string; line: string },
): string => `const int32_t first = ${AT} * step - before;
for (int32_t c = 0; c < outer; c++)
  for (int32_t i = 0; i < rows; i++) {
    const int32_t from = (c * ${line} + ${row}) * inner;
    const int32_t inside = first + i >= 0 && first + i < size;
    for (int32_t j = 0; j < inner; j++)
      y0[(c * rows + i) * inner + j] = inside ? a0[from + j] : (${cType(site.output().dtype)})${literal(site.output().dtype, site.node.int('fill', 0))};
  }`

/** The patch of a tensor, or of a patch what lies inside its tensor. */
const within =
  (place: { row: string; line: string }, inPlace: readonly number[]): Lower =>
  (site) => {
    const [x, y] = [site.input(0), site.output()]
    const { outer, inner } = around(y.dims)
    site.step({
      reads: [x],
      writes: [y],
      params: [
        ...counted(site, ['n', 'last', 'step', 'before', 'size']),
        ['outer', outer],
        ['rows', y.dims[PATCHED_AXIS]!],
        ['inner', inner],
      ],
      body: filled(site, place),
      inPlace,
    })
  }

/** A patch into its tensor. */
const put: Lower = (site) => {
  const [x, y] = [site.input(0), site.output()]
  const { outer, inner } = around(y.dims)
  site.step({
    reads: [x],
    writes: [y],
    params: [
      ...counted(site, ['n', 'last']),
      ['outer', outer],
      ['size', y.dims[PATCHED_AXIS]! * inner],
      ['count', x.dims[PATCHED_AXIS]! * inner],
      ['inner', inner],
    ],
    body: `for (int32_t c = 0; c < outer; c++)
  memcpy(y0 + c * size + ${AT} * inner, a0 + c * count, (size_t)count * sizeof *y0);`,
  })
}

export const PATCH: Record<string, Lower> = {
  'pare.Take': within({ row: 'first + i', line: 'size' }, []),
  'pare.Inside': within({ row: 'i', line: 'rows' }, [0]),
  'pare.Put': put,
}
