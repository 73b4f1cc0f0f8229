/**
 * The QOperator form: integer operators themselves instead of QuantizeLinear pairs, exactly as ONNX Runtime fuses
 * them on loading. Source: onnxruntime.ai/docs, QOperator format; graph optimizations, level "extended".
 */
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { decodeModel, encodeModel, readModel, type Model } from '../../onnx'
import { withSession } from '../../runtime'

/** `scratch` is a folder for the file ONNX Runtime writes. */
export async function toOperators(model: Model, scratch: string): Promise<Model> {
  mkdirSync(scratch, { recursive: true })
  const file = path.join(scratch, 'operators.onnx')
  await withSession(model, { optimization: 'extended', optimizedModelPath: file }, async () => {})
  // Read into memory: the scratch file is gone after the pass.
  const fused = decodeModel(encodeModel(readModel(file)))
  rmSync(file)
  fused.file = model.file
  return fused
}
