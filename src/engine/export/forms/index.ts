/** The registry of export forms, and which of them a target wants. */
import type { Target } from '../../targets/target'
import type { ExportForm } from './form'
import { c } from './c'
import { onnx } from './onnx'
import { ort } from './ort'

/** In the order of a bundle's files; the first that is written is the one a candidate is measured and fetched in. */
export const FORMS: readonly ExportForm[] = [onnx, ort, c]

/** Those whose ids the target names. */
export const formsFor = ({ forms }: Target): ExportForm[] => FORMS.filter(({ id }) => forms.includes(id))

export type { ExportForm } from './form'
