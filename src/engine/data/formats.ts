/** Formats by content first, by file ending second. */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { DatasetKind } from '../../contract/dataset'
import { decodedStart } from './text-stream'

/** In order of preference where several forms of the same data lie side by side: the most exact one first. */
export const FORMATS = [
  'boxes',
  'masks',
  'npz',
  'npy',
  'parquet',
  'images',
  'audio',
  'text',
  'table',
  'tokens',
] as const
export type Format = (typeof FORMATS)[number]

export const KIND_OF_FORMAT: Record<Format, Exclude<DatasetKind, 'random'>> = {
  boxes: 'images',
  masks: 'images',
  npz: 'npz',
  npy: 'npz',
  parquet: 'parquet',
  images: 'images',
  audio: 'audio',
  text: 'text',
  table: 'table',
  tokens: 'text',
}

const ENDINGS: Record<string, Format> = {
  npz: 'npz',
  npy: 'npy',
  parquet: 'parquet',
  parq: 'parquet',
  csv: 'table',
  tsv: 'table',
  tab: 'table',
  jsonl: 'text',
  ndjson: 'text',
  json: 'text',
  wav: 'audio',
  wave: 'audio',
  flac: 'audio',
  jpg: 'images',
  jpeg: 'images',
  png: 'images',
  webp: 'images',
  tif: 'images',
  tiff: 'images',
  gif: 'images',
  bmp: 'images',
}

/** Files that describe data or a model and are not data. */
const COMPANIONS =
  /^(tokenizer(_config)?|config|special_tokens_map|vocab|package|manifest|generation_config|sample|characters|data-spec)\.json$|^(labels|classes|class_names|names|label_map|id2label)\.(json|txt)$/i

export const isClassList = (name: string): boolean =>
  /^(labels|classes|class_names|names)\.(json|txt)$/i.test(name)

export const isCharacterList = (name: string): boolean =>
  /^(characters|chars|alphabet|charset|dict|tokens|vocab|.*_dict)\.txt$|^(vocab|characters)\.json$/i.test(
    name,
  )

/** Other files of this ending are weights and whatever else. */
const TOKENS =
  /^((.*[_-])?(train|training|val|valid|validation|dev|test|calib(ration)?|tokens|corpus)([_-].*)?)\.bin$/i

export function formatOfName(name: string): Format | undefined {
  if (TOKENS.test(name)) return 'tokens'
  if (COMPANIONS.test(name)) return undefined
  return ENDINGS[path.extname(name).slice(1).toLowerCase()]
}

/** What a file is by its first bytes, whatever it is called; undefined where nothing is recognised. */
export async function formatOfFile(file: string): Promise<Format | undefined> {
  const handle = await fs.open(file, 'r')
  const start = Buffer.alloc(4096)
  const { bytesRead } = await handle.read(start, 0, start.length, 0).finally(() => handle.close())
  const bytes = start.subarray(0, bytesRead)
  const ascii = (from: number, to: number): string => bytes.toString('latin1', from, to)
  if (ascii(0, 4) === 'PK\x03\x04') return 'npz'
  if (ascii(1, 6) === 'NUMPY') return 'npy'
  if (ascii(0, 4) === 'PAR1') return 'parquet'
  if (/^RIFF|^RF64/.test(ascii(0, 4)) && ascii(8, 12) === 'WAVE') return 'audio'
  if (ascii(0, 4) === 'fLaC') return 'audio'
  if (/^(\x89PNG|GIF8|BM|\xff\xd8\xff|II\*\0|MM\0\*)/.test(ascii(0, 4)) || ascii(8, 12) === 'WEBP')
    return 'images'
  const text = decodedStart(bytes).trimStart()
  if (bytes.some((byte) => byte !== 0) && formatOfName(path.basename(file)) === 'tokens') return 'tokens'
  if (text.includes('\0')) return undefined
  const named = formatOfName(path.basename(file))
  if (named === 'text' || named === 'table') return named
  if (/^[{[]/.test(text)) return 'text'
  return /[,;\t]/.test(text.split('\n', 1)[0]!) ? 'table' : undefined
}
