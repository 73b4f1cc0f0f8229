/** The one door to ONNX Runtime: its telemetry is off before its library is loaded, in whatever process that is. */
import { createRequire } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import type * as Ort from 'onnxruntime-node'
import { TELEMETRY_OFF } from '../../contract/telemetry'

// A worker thread writes to a copy of the environment, which no library sees.
if (!isMainThread) throw new Error('ONNX Runtime is loaded in main threads only')
Object.assign(process.env, TELEMETRY_OFF)

/** Not by `import`, which would load the library before the lines above. */
export const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof Ort

export type { InferenceSession, Tensor } from 'onnxruntime-node'
