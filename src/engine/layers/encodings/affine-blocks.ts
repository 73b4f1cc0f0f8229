import { blocksOf } from '../../math/quantize/grouped'
import type { Layer } from '../layer'
import { defineEncoding } from './encoding'
import type { WeightCodes } from './values'
import { LookedUpRows, ROW_STEPS } from './looked-up'
import { recognizeRows } from './recognized'
import { writeRestored, shapedRows, unpackedCodes } from './restored'
import type { CodeStore, StoredCodes, StoredZeros } from './store'
import { affineBytes, affineOf } from './affine'

/** Zero points as floats [rows, blocks, 1], or one number. */
function zeroPoints(store: CodeStore, zeros: StoredZeros, codes: StoredCodes, name: string): string {
  if (typeof zeros === 'number') return store.scalar(zeros)
  const blocks = blocksOf(codes)
  const columns = store.ints([codes.rows, blocks, 1])
  if ('floats' in zeros) return store.op('Reshape', [zeros.name, columns], `${name}_zeros`)
  const flat = store.op(
    'Reshape',
    [store.unpack(zeros.name, zeros.bits, `${name}_zero`), store.ints([codes.rows, -1])],
    `${name}_zeros`,
  )
  return store.op('Reshape', [store.cut(flat, blocks, 1, `${name}_zeros`), columns], `${name}_zeros`)
}

function restored(store: CodeStore, layer: Layer, weight: WeightCodes): string {
  const name = layer.weight
  const { codes, scales, zeros } = affineOf(store, layer, weight)
  let value = unpackedCodes(store, codes, name)
  if (zeros !== 0) value = store.op('Sub', [value, zeroPoints(store, zeros, codes, name)], `${name}_centred`)
  const columns = store.op('Reshape', [scales, store.ints([codes.rows, -1, 1])], `${name}_scales`)
  value = store.op('Mul', [value, columns], `${name}_scaled`)
  return shapedRows(store, value, codes, layer)
}

function writeRows(store: CodeStore, layer: Layer, weight: WeightCodes): void {
  const { codes, scales, zeros } = affineOf(store, layer, weight)
  const rows = new LookedUpRows(store, layer, codes)
  const { name } = rows
  const blocks = blocksOf(codes)
  const points = (): string => {
    if (typeof zeros === 'number') return store.scalar(zeros)
    const looked = rows.rowsOf(zeros.name, 'row_zeros')
    if ('floats' in zeros) return rows.shaped(looked, blocks, 1)
    const flat = rows.shaped(store.unpack(looked, zeros.bits, `${name}_zero`), -1)
    return rows.shaped(store.cut(flat, blocks, -1, `${name}_zeros`), blocks, 1)
  }
  let value = rows.codes()
  if (zeros !== 0) value = store.op('Sub', [value, points()], `${name}_centred`)
  const columns = rows.shaped(rows.rowsOf(scales, 'row_scales'), blocks, 1)
  rows.finish(store.op('Mul', [value, columns], `${name}_scaled`))
}

const common = { storage: 'plain', bytes: affineBytes } as const

export const affineBlocks = defineEncoding({
  id: 'affine-blocks',
  title: 'Affine codes in blocks',
  summary:
    'Packed codes of 1 to 8 bits with a scale and a zero point a block. Plain operators restore the weight when the model is loaded, on every runtime; of an embedding they unpack the rows that are looked up.',
  sources: ['arXiv:2208.07339', 'ONNX Gather, Mul'],
  recognize: (view, node) => recognizeRows(view, node, ROW_STEPS),
  weights: [
    {
      ...common,
      words: 'rows unpacked as they are looked up',
      fits: ({ kind }, { grouped }) => kind === 'embedding' && grouped !== undefined,
      write: writeRows,
    },
    {
      ...common,
      words: 'restored when loaded',
      fits: (_, { grouped }) => grouped !== undefined,
      write: writeRestored(restored),
    },
  ],
})
