/** What a file is that calls itself a model and is none. */
import type { ByteSource } from './source'

const ascii = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** First bytes of what people take for ONNX, and the sentence that helps. */
const SIGNS: readonly (readonly [test: (head: string) => boolean, reason: string])[] = [
  [
    (h) => h.startsWith('version https://git-lfs'),
    'it is a Git LFS pointer, not the model itself; run “git lfs pull”',
  ],
  [(h) => /^\s*<(!doctype|html|\?xml)/i.test(h), 'it is a web page; the download was probably refused'],
  [(h) => h.startsWith('PK'), 'it is a zip archive, perhaps a PyTorch file; export the model to ONNX'],
  [(h) => h.startsWith('\x1f\x8b'), 'it is gzip-compressed; unpack it first'],
  [
    (h) => h.slice(4, 8) === 'ORTM',
    "it is in ONNX Runtime's own .ort format; give the .onnx file it was made from",
  ],
  [(h) => h.slice(4, 8) === 'TFL3', 'it is a TensorFlow Lite model; export the model to ONNX'],
  [(h) => h.startsWith('\x89HDF'), 'it is an HDF5 file, perhaps a Keras model; export the model to ONNX'],
  [
    (h) => h.startsWith('\x80\x02') || h.startsWith('\x80\x04'),
    'it is a Python pickle; export the model to ONNX',
  ],
  [
    (h) => /^.{8}\{"/s.test(h),
    'it is a safetensors file, which holds weights but no graph; export the model to ONNX',
  ],
  [(h) => h !== '' && /^[\t\n\r\x20-\x7e]+$/.test(h), 'it is a text file'],
]

/** A sentence on what the file is, when its first bytes tell; undefined for what may have been ONNX once. */
export function guessFormat(source: ByteSource): string | undefined {
  const head = ascii(source.read(0, Math.min(64, source.length)))
  return SIGNS.find(([test]) => test(head))?.[1]
}
