/** Texts with a tokenizer, or ready token ids, as samples. */
import path from 'node:path'
import type { Preprocessing } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { ValueInfo } from '../onnx'
import { requireMemory } from '../onnx/budget'
import type { Value, Values } from '../runtime/value'
import { BlobWriter, type Blobs } from './blobs'
import { castData, rowDims } from './convert'
import type { DataRecord } from './json-lines'
import { flatNumbers, isList, LabelColumn } from './label-column'
import { labelRank } from './names'
import type { ReaderContext, SampleInput } from './reader'
import type { SampleInput as FormOf } from '../../contract/sample-form'
import type { RawLabels, RawSamples, Reading, Source, SourcePreview } from './source'
import { TagLists } from './tags'
import { evaluatedOutput } from './tasks'
import { isTags } from './token-input'
import { openTokenizer, TOKEN_LIMIT, type TextEncoder, type Tokens } from './tokenizer'

const TEXT_KEY = /^(text|sentence|content|document|review|comment|message|question|prompt|input)$/i
const IDS_KEY = /^(input_?ids|ids|tokens|token_ids)$/i

/** Of the characters of a text, more than its tokens can need. */
const TEXT_LIMIT = 2 ** 20
const PREVIEW_LIMIT = 4000
/** Where neither model nor tokenizer says how long a text may be. */
const DEFAULT_LENGTH = 128

/** Under which names a record holds what. */
interface TextKeys {
  text?: string
  ids?: string
  mask?: string
  label?: string
}

type TextOptions = Extract<Preprocessing, { kind: 'text' }>

interface TextInputs {
  ids: ValueInfo
  mask?: ValueInfo
  types?: ValueInfo
  positions?: ValueInfo
}

/** The inputs of a model that reads token ids, or undefined where it has others. */
export function textInputs(inputs: readonly SampleInput[]): TextInputs | undefined {
  const read = inputs.filter(({ state }) => state === undefined)
  const find = (pattern: RegExp): ValueInfo | undefined => read.find((info) => pattern.test(info.name))
  const mask = find(/mask/i)
  const types = find(/type|segment/i)
  const positions = find(/position/i)
  const rest = read.filter((info) => info !== mask && info !== types && info !== positions)
  const [ids] = rest
  if (rest.length !== 1 || !ids || (ids.dtype !== 'int64' && ids.dtype !== 'int32')) return undefined
  return { ids, ...(mask && { mask }), ...(types && { types }), ...(positions && { positions }) }
}

/** Throws `data/unreadable` naming line and reason, `data/shape-mismatch` where a tokenizer is missing. */
export async function textSource(
  file: string,
  records: AsyncIterable<DataRecord>,
  keys: TextKeys,
  { model, inputs, companions, options }: ReaderContext,
): Promise<Source> {
  const wanted = textInputs(inputs)!
  const tokenizerFile = options.tokenizer ?? companions.tokenizer
  const useText = keys.text !== undefined && (keys.ids === undefined || tokenizerFile !== undefined)
  if (useText && tokenizerFile === undefined)
    throw new PareError('data/shape-mismatch', {
      input: wanted.ids.name,
      expected: 'token ids, or a tokenizer.json beside the texts',
      got: 'texts without a tokenizer',
    })
  const encoder = tokenizerFile === undefined ? undefined : await openTokenizer(tokenizerFile)
  const spool = options.temporaryFolder === undefined ? {} : { folder: options.temporaryFolder }
  const tokens = new BlobWriter(spool)
  const texts = new BlobWriter(spool)
  const labels = new LabelColumn()
  const tags = new TagLists()
  let byWords = false
  const scores = evaluatedOutput(model, options.output).dims.at(-1)
  const tagger = options.task === 'tagging' || (typeof scores === 'number' && isTags(model, scores))
  const gaps = new Set<number>()
  try {
    for await (const { where, values } of records) {
      const text = keys.text === undefined ? undefined : values[keys.text]
      const isGap = useText && (text === null || text === undefined)
      if (isGap) gaps.add(tokens.length)
      else if (useText && typeof text !== 'string')
        throw new PareError('data/unreadable', {
          path: file,
          reason: `${where} has no text under "${keys.text}"`,
        })
      const encoded: Tokens & { pieces?: number[] } = isGap
        ? { prefix: [], content: [], suffix: [] }
        : useText
          ? encoder!.encode(text as string)
          : (wordTokens(values, keys, encoder) ?? readyIds(values, keys, file, where))
      const content = encoded.content.slice(0, TOKEN_LIMIT)
      const { prefix, suffix } = encoded
      const packed = Int32Array.from([prefix.length, suffix.length, ...prefix, ...suffix, ...content])
      await tokens.push(new Uint8Array(packed.buffer))
      await texts.push(
        Buffer.from(typeof text === 'string' ? text.slice(0, TEXT_LIMIT) : spokenIn(values, keys, content)),
      )
      const label = keys.label === undefined ? undefined : values[keys.label]
      byWords ||= encoded.pieces !== undefined
      const pieces = encoded.pieces ?? content.map(() => 1)
      if (tagger && !useText && isList(label) && (label.length === pieces.length || encoded.pieces))
        tags.push(label, { pieces, before: prefix.length, after: suffix.length }, file, where)
      else if (keys.label !== undefined) labels.push(label, file, where)
    }
    const stored = { tokens: await tokens.finish(), texts: await texts.finish() }
    if (stored.tokens.length === 0) throw new PareError('data/empty', { path: file })
    return new TextSource(
      file,
      wanted,
      stored,
      tags.used ? tags.labels() : await labels.finish(file),
      suggestText(wanted, encoder),
      encoder,
      gaps,
      useText ? tokenizerFile : undefined,
      byWords,
    )
  } catch (cause) {
    await tokens.discard()
    await texts.discard()
    throw cause
  }
}

interface WordTokens extends Tokens {
  /** Tokens that each word became. */
  pieces: number[]
}

/** Words one by one, as a tagger is given them; undefined where there are ids, or no tokenizer. */
function wordTokens(
  values: Record<string, unknown>,
  keys: TextKeys,
  encoder: TextEncoder | undefined,
): WordTokens | undefined {
  const words = values[keys.ids!]
  if (!encoder || !isList(words) || !words.every((word) => typeof word === 'string')) return undefined
  const { prefix, suffix } = encoder.encode('')
  const all = words.map((word) => encoder.encode(word).content)
  return { prefix, suffix, content: all.flat(), pieces: all.map(({ length }) => length) }
}

/** Words, else ids, with spaces between. */
function spokenIn(values: Record<string, unknown>, keys: TextKeys, content: readonly number[]): string {
  const words = keys.ids === undefined ? undefined : values[keys.ids]
  const all = isList(words) && words.every((word) => typeof word === 'string') ? words : content
  return all.join(' ').slice(0, TEXT_LIMIT)
}

/** Ids as they are, without the padding that a mask beside them tells of. */
function readyIds(values: Record<string, unknown>, keys: TextKeys, file: string, where: string): Tokens {
  const value = values[keys.ids!]
  const mask = keys.mask === undefined ? undefined : values[keys.mask]
  const all = isList(value) ? flatNumbers(value) : []
  const kept = isList(mask) ? flatNumbers(mask) : undefined
  if (all.length > 0 && all.every(Number.isInteger))
    return { prefix: [], content: all.filter((_, i) => kept?.[i] !== 0), suffix: [] }
  throw new PareError('data/unreadable', {
    path: file,
    reason: `${where} has no list of whole numbers as token ids`,
  })
}

function suggestText({ ids }: TextInputs, encoder: TextEncoder | undefined): TextOptions {
  const declared = rowDims(ids)[0]
  const maxLength =
    typeof declared === 'number' && declared > 0 ? declared : (encoder?.maxLength ?? DEFAULT_LENGTH)
  return { kind: 'text', maxLength, padId: encoder?.padId ?? 0 }
}

/** Keys of text, ids and label in a record; undefined where it holds neither text nor ids. */
export function textKeys(
  values: Record<string, unknown>,
  ids: string,
  label: string | undefined,
): TextKeys | undefined {
  const keys = Object.keys(values)
  const strings = keys.filter(
    (key) => typeof values[key] === 'string' && labelRank(key) === undefined && key !== label,
  )
  const text = strings.find((key) => TEXT_KEY.test(key)) ?? (strings.length === 1 ? strings[0] : undefined)
  const idsKey = keys.find((key) => (key === ids || IDS_KEY.test(key)) && isList(values[key]))
  if (text === undefined && idsKey === undefined) return undefined
  const ranked = keys
    .filter((key) => labelRank(key) !== undefined)
    .sort((a, b) => labelRank(a)! - labelRank(b)!)
  const found = label ?? ranked[0]
  const mask = keys.find((key) => /mask/i.test(key) && isList(values[key]))
  return {
    ...(text && { text }),
    ...(idsKey && { ids: idsKey }),
    ...(mask && { mask }),
    ...(found && { label: found }),
  }
}

class TextSource implements Source {
  readonly notes: readonly string[] = []

  constructor(
    private readonly file: string,
    private readonly inputs: TextInputs,
    private readonly stored: { tokens: Blobs; texts: Blobs },
    readonly labels: RawLabels | undefined,
    readonly suggested: TextOptions,
    private readonly encoder: TextEncoder | undefined,
    private readonly gaps: ReadonlySet<number>,
    private readonly tokenizer: string | undefined,
    private readonly byWords: boolean,
  ) {}

  get length(): number {
    return this.stored.tokens.length
  }

  async read(indices: readonly number[], preprocessing: Preprocessing): Promise<Reading> {
    const { maxLength, padId } = preprocessing.kind === 'text' ? preprocessing : this.suggested
    const size = indices.length * maxLength
    requireMemory(size * 4 * 8, `${indices.length} texts of ${maxLength} tokens`)
    const ids = new Int32Array(size).fill(padId)
    const mask = new Int32Array(size)
    for (const [row, index] of indices.entries()) {
      const list = cut(await this.stored.tokens.read(index), maxLength, this.encoder?.cutLeft ?? false)
      const start = row * maxLength + (this.encoder?.padLeft ? maxLength - list.length : 0)
      ids.set(list, start)
      mask.fill(1, start, start + list.length)
    }
    const dims = [indices.length, maxLength]
    const values: Values = {}
    const add = (info: ValueInfo | undefined, data: Int32Array): void => {
      if (info) values[info.name] = typed(info, dims, data)
    }
    add(this.inputs.ids, ids)
    add(this.inputs.mask, mask)
    add(this.inputs.types, new Int32Array(size))
    add(
      this.inputs.positions,
      Int32Array.from({ length: size }, (_, i) => i % maxLength),
    )
    return { inputs: values }
  }

  async preview(index: number): Promise<SourcePreview> {
    const text = Buffer.from(await this.stored.texts.read(index)).toString('utf8')
    return { title: `${path.basename(this.file)}, text ${index + 1}`, text: text.slice(0, PREVIEW_LIMIT) }
  }

  /** Words are tokens one by one, which no tokenizer makes of a text in one piece for certain. */
  get raw(): RawSamples | undefined {
    const { tokenizer, inputs } = this
    if (this.byWords) return undefined
    return {
      ...(tokenizer !== undefined && { tokenizer }),
      form: (preprocessing) => {
        const options = preprocessing.kind === 'text' ? preprocessing : this.suggested
        const input = (info: ValueInfo | undefined, from: FormOf['from']): FormOf[] =>
          info ? [{ name: info.name, dtype: info.dtype ?? 'int64', dims: [options.maxLength], from }] : []
        const { prefix, suffix } = (tokenizer !== undefined && this.encoder?.encode('')) || {
          prefix: [],
          suffix: [],
        }
        const { padLeft = false, cutLeft = false } = this.encoder ?? {}
        return {
          ...options,
          inputs: [
            ...input(inputs.ids, { kind: 'token-ids' }),
            ...input(inputs.mask, { kind: 'token-mask' }),
            ...input(inputs.types, { kind: 'constant', value: 0 }),
            ...input(inputs.positions, { kind: 'token-positions' }),
          ],
          tokens: { prefix, suffix, padLeft, cutLeft },
        }
      },
      files: async (index) => {
        const bytes = await this.stored.texts.read(index)
        return [{ name: tokenizer === undefined ? 'ids' : 'text', ending: '.txt', bytes }]
      },
    }
  }

  hasGap = async (indices: readonly number[]): Promise<boolean[]> =>
    indices.map((index) => this.gaps.has(index))

  identity(indices: readonly number[]): Promise<Uint8Array[]> {
    return Promise.all(indices.map((index) => this.stored.tokens.read(index)))
  }

  async close(): Promise<void> {
    await this.stored.tokens.close()
    await this.stored.texts.close()
  }
}

function typed(info: ValueInfo, dims: number[], data: Int32Array): Value {
  const dtype = info.dtype ?? 'int64'
  return { dtype, dims, data: castData({ dtype: 'int32', dims, data }, dtype) }
}

/** At most `length` ids: the content gives way, the special tokens stay. */
function cut(bytes: Uint8Array, length: number, left: boolean): Int32Array {
  const packed = new Int32Array(bytes.slice().buffer)
  const [before, after] = packed as unknown as [number, number]
  const prefix = packed.subarray(2, 2 + before)
  const suffix = packed.subarray(2 + before, 2 + before + after)
  const content = packed.subarray(2 + before + after)
  const room = Math.max(0, length - before - after)
  const kept =
    left && content.length > room ? content.subarray(content.length - room) : content.subarray(0, room)
  return Int32Array.from([...prefix, ...kept, ...suffix]).subarray(0, length)
}
