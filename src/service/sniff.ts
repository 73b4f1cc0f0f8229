/** What a file is, by its content; its name decides only where the content says nothing. */
import fs from 'node:fs'
import path from 'node:path'
import { DataSpec } from '../contract/dataset'
import type { FileRef } from '../contract/project'

const START = 64 * 1024
/** A JSON file above this is data and nothing that describes some. */
const JSON_LIMIT = 64 * 2 ** 20

const DATA_ENDINGS =
  /\.(npz|npy|csv|tsv|tab|parquet|parq|jsonl|ndjson|zip|wav|png|jpe?g|webp|bmp|gif|tiff?)$/i

/** Kind of a file or folder. A folder is data; what cannot be read, or is a pipe or a device, is unknown. */
export function sniff(file: string): FileRef['kind'] {
  try {
    const stat = fs.statSync(file)
    if (stat.isDirectory()) return sniffFolder(file)
    return stat.isFile() ? sniffFile(file) : 'unknown'
  } catch {
    return 'unknown'
  }
}

/** A folder that only holds a model (with its external data) stands for the model. */
function sniffFolder(folder: string): FileRef['kind'] {
  return modelIn(folder) ? 'model' : 'dataset'
}

/** The only model file directly in a folder that holds nothing else but its companions. */
export function modelIn(folder: string): string | undefined {
  const names = fs.readdirSync(folder).filter((name) => !name.startsWith('.'))
  const models = names.filter((name) => /\.onnx$/i.test(name))
  const others = names.filter((name) => !/\.(onnx|data|bin|weights?|json|txt|md)$|^[^.]+$/i.test(name))
  return models.length === 1 && others.length === 0 ? path.join(folder, models[0]!) : undefined
}

function readStart(file: string): { bytes: Buffer; size: number } {
  const fd = fs.openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(START)
    return { bytes: bytes.subarray(0, fs.readSync(fd, bytes, 0, START, 0)), size: fs.fstatSync(fd).size }
  } finally {
    fs.closeSync(fd)
  }
}

function sniffFile(file: string): FileRef['kind'] {
  const { bytes, size } = readStart(file)
  const named = /\.(onnx|ort)$/i.test(file)
  if (isDataMagic(bytes)) return 'dataset'
  if (!bytes.includes(0) && looksLikeText(bytes)) {
    const text = bytes
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .trimStart()
    if (text.startsWith('{') && size <= JSON_LIMIT) {
      const kind = sniffJson(fs.readFileSync(file, 'utf8'))
      if (kind) return kind
    }
    // Whoever opens it says what is wrong with a text file that calls itself a model.
    if (named) return 'model'
    return /^[{[]/.test(text) || DATA_ENDINGS.test(file) || /[,;\t]/.test(text.split('\n', 1)[0]!)
      ? 'dataset'
      : 'unknown'
  }
  if (named || startsLikeModel(bytes)) return 'model'
  return DATA_ENDINGS.test(file) ? 'dataset' : 'unknown'
}

function isDataMagic(bytes: Buffer): boolean {
  const ascii = (from: number, to: number): string => bytes.toString('latin1', from, to)
  return (
    ascii(0, 4) === 'PK\x03\x04' ||
    ascii(1, 6) === 'NUMPY' ||
    ascii(0, 4) === 'PAR1' ||
    /^RIFF|^RF64|^\x89PNG|^GIF8|^\xff\xd8\xff|^II\*\0|^MM\0\*/.test(ascii(0, 4))
  )
}

/** UTF-8 without control characters but white space. */
function looksLikeText(bytes: Buffer): boolean {
  if (bytes.length === 0) return false
  return bytes.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13 || byte === 12)
}

/** A whole JSON object with the marks of a recipe or of a tokenizer, or of nothing but what a data spec says. */
function sniffJson(text: string): 'recipe' | 'tokenizer' | 'data-spec' | undefined {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
  if (Array.isArray(value.steps)) return 'recipe'
  if (
    value.model !== null &&
    typeof value.model === 'object' &&
    ('added_tokens' in value || 'pre_tokenizer' in value)
  )
    return 'tokenizer'
  return Object.keys(value).length > 0 && DataSpec.safeParse(value).success ? 'data-spec' : undefined
}

/** ModelProto begins with ir_version (field 1, a small varint), then a text or message field. Source: onnx.proto3. */
function startsLikeModel(bytes: Buffer): boolean {
  if (bytes[0] !== 0x08 || bytes[1] === undefined || bytes[1] === 0 || bytes[1] > 0x7f) return false
  const tag = bytes[2]
  return tag === undefined || [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72].includes(tag)
}
