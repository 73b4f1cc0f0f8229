/** Every operator that C can be written for; those of Pare's own stand for patterns of several. */
import type { Lower } from '../lowering'
import { CMSIS } from './cmsis'
import { CONVOLUTION } from './convolution'
import { BINARY, UNARY } from './elementwise'
import { INDEXING } from './indexing'
import { INTEGER } from './integer'
import { LAYOUT } from './layout'
import { NORMALIZE } from './normalize'
import { PATCH } from './patch'
import { POOLING } from './pooling'
import { PRODUCT } from './product'
import { QUANTIZE } from './quantize'
import { RECURRENT } from './recurrent'
import { REDUCE } from './reduce'
import { RESIZE } from './resize'

export const OPERATORS: ReadonlyMap<string, Lower> = new Map(
  Object.entries({
    ...UNARY,
    ...BINARY,
    ...LAYOUT,
    ...INDEXING,
    ...REDUCE,
    ...NORMALIZE,
    ...PRODUCT,
    ...CONVOLUTION,
    ...POOLING,
    ...PATCH,
    ...QUANTIZE,
    ...INTEGER,
    ...CMSIS,
    ...RECURRENT,
    ...RESIZE,
  }),
)
