/** The registry of export forms, and which of them a target wants. */
import type { Target } from '../../../contract/goal'
import type { ExportForm, WriteOptions } from './form'
import { onnx } from './onnx'
import { ort } from './ort'

/** In the order of a bundle's files; the first that is written is the one a candidate is measured and fetched in. */
export const FORMS: readonly ExportForm[] = [onnx, ort]

/** Providers that take nodes from the graph want operators unfused. */
export const writeOptionsFor = (target: Target): WriteOptions => ({
  optimization: target === 'android-npu' || target === 'ios' ? 'basic' : 'extended',
})

export type { ExportForm } from './form'
