/** ONNX Runtime's own format, and the graph its optimizer makes. */
import fs from 'node:fs'
import { errorData } from '../../../contract/errors'
import { withSession } from '../../runtime/session'

/** Levels whose result does not depend on the processor they were made on. */
type PortableLevel = 'basic' | 'extended'

interface Converted {
  /** Present where the file could be written. */
  file?: string
  /** Why it could not, otherwise. */
  reason?: string
}

/** Writes `model` optimized: as ORT format or ONNX, by the ending of `out`. Never throws for the model's sake. */
export async function writeOptimized(model: string, out: string, level: PortableLevel): Promise<Converted> {
  try {
    await withSession(model, { optimization: level, optimizedModelPath: out }, async () => undefined)
  } catch (cause) {
    fs.rmSync(out, { force: true })
    const error = errorData(cause)
    return { reason: 'reason' in error ? error.reason : String(cause) }
  }
  return fs.existsSync(out) ? { file: out } : { reason: 'ONNX Runtime wrote no file' }
}
