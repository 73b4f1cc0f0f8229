/** Texts with a tokenizer, or ready token ids, as samples. */
import path from 'node:path'
import type { Preprocessing } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { ValueInfo } from '../onnx'
import { requireMemory } from '../onnx/budget'
import type { Value } from '../runtime/value'
import { BlobWriter, type Blobs } from './blobs'
import { castData, rowDims } from './convert'
import type { DataRecord } from './json-lines'
import { flatNumbers, isList, LabelColumn } from './label-column'
import type { ReaderContext, SampleInput } from './reader'
import type { SampleInput as FormOf, Tokens } from '../../contract/sample-form'
import type { RawLabels, RawSamples, Reading, Source, SourcePreview } from './source'
import type { TextKeys } from './text-keys'
import { TagLists } from './tags'
import { evaluatedOutput } from './tasks'
import { isTags } from './token-input'
import { tokenRow, type TokenKind } from './token-row'
import { openTokenizer, TOKEN_LIMIT, type TextEncoder } from './tokenizer'

/** Of the characters of a text, more than its tokens can need. */
const TEXT_LIMIT = 2 ** 20
const PREVIEW_LIMIT = 4000
/** Where neither model nor tokenizer says how long a text may be. */
const DEFAULT_LENGTH = 128

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
      const words = useText ? undefined : wordTokens(values, keys, encoder)
      byWords ||= words !== undefined
      const said = useText ? textsIn(values, keys, file, where) : []
      if (!said) gaps.add(tokens.length)
      const contents = useText
        ? (said ?? []).map((text) => encoder!.encode(text))
        : [words ? words.flat() : readyIds(values, keys, file, where)]
      await tokens.push(packed(contents.map((ids) => ids.slice(0, TOKEN_LIMIT))))
      const shown = useText ? (said ?? []) : [spokenIn(values, keys, contents[0]!)]
      await texts.push(Buffer.from(JSON.stringify(shown.map((text) => text.slice(0, TEXT_LIMIT)))))
      const label = keys.label === undefined ? undefined : values[keys.label]
      const pieces = words?.map(({ length }) => length) ?? contents[0]?.map(() => 1) ?? []
      const { prefix, suffix } = (words && encoder?.one) ?? BARE
      if (tagger && !useText && isList(label) && (label.length === pieces.length || words))
        tags.push(label, { pieces, before: prefix.length, after: suffix.length }, file, where)
      else if (keys.label !== undefined) labels.push(label, file, where)
    }
    const stored = { tokens: await tokens.finish(), texts: await texts.finish() }
    if (stored.tokens.length === 0) throw new PareError('data/empty', { path: file })
    const { padLeft, cutLeft } = encoder?.one ?? BARE
    return new TextSource(
      file,
      wanted,
      stored,
      tags.used ? tags.labels() : await labels.finish(file),
      suggestText(wanted, encoder),
      useText
        ? encoder![keys.second === undefined ? 'one' : 'two']
        : { ...((byWords && encoder?.one) || BARE), padLeft, cutLeft },
      gaps,
      useText ? tokenizerFile : undefined,
      byWords,
      keys.second === undefined
        ? []
        : [`Two texts a sample, “${keys.text}” and “${keys.second}”, joined as the tokenizer joins pairs.`],
    )
  } catch (cause) {
    await tokens.discard()
    await texts.discard()
    throw cause
  }
}

/** Token ids as they are: nothing stands around them. */
const BARE: Tokens = { prefix: [], suffix: [], padLeft: false, cutLeft: false }

/** The text, or the two; undefined where one is missing. Throws `data/unreadable` where one is none. */
function textsIn(
  values: Record<string, unknown>,
  { text, second }: TextKeys,
  file: string,
  where: string,
): string[] | undefined {
  const said = [text!, ...(second === undefined ? [] : [second])].map((key) => ({ key, value: values[key] }))
  if (said.some(({ value }) => value === null || value === undefined)) return undefined
  return said.map(({ key, value }) => {
    if (typeof value === 'string') return value
    throw new PareError('data/unreadable', { path: file, reason: `${where} has no text under "${key}"` })
  })
}

/** The ids of each word, as a tagger is given them; undefined where there are ids, or no tokenizer. */
function wordTokens(
  values: Record<string, unknown>,
  keys: TextKeys,
  encoder: TextEncoder | undefined,
): number[][] | undefined {
  const words = values[keys.ids!]
  if (!encoder || !isList(words) || !words.every((word) => typeof word === 'string')) return undefined
  return words.map((word) => encoder.encode(word))
}

/** Words, else ids, with spaces between. */
function spokenIn(values: Record<string, unknown>, keys: TextKeys, content: readonly number[]): string {
  const words = keys.ids === undefined ? undefined : values[keys.ids]
  const all = isList(words) && words.every((word) => typeof word === 'string') ? words : content
  return all.join(' ').slice(0, TEXT_LIMIT)
}

/** Ids as they are, without the padding that a mask beside them tells of. */
function readyIds(values: Record<string, unknown>, keys: TextKeys, file: string, where: string): number[] {
  const value = values[keys.ids!]
  const mask = keys.mask === undefined ? undefined : values[keys.mask]
  const all = isList(value) ? flatNumbers(value) : []
  const kept = isList(mask) ? flatNumbers(mask) : undefined
  if (all.length > 0 && all.every(Number.isInteger)) return all.filter((_, i) => kept?.[i] !== 0)
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

class TextSource implements Source {
  constructor(
    private readonly file: string,
    private readonly inputs: TextInputs,
    private readonly stored: { tokens: Blobs; texts: Blobs },
    readonly labels: RawLabels | undefined,
    readonly suggested: TextOptions,
    private readonly tokens: Tokens,
    private readonly gaps: ReadonlySet<number>,
    private readonly tokenizer: string | undefined,
    private readonly byWords: boolean,
    readonly notes: readonly string[],
  ) {}

  get length(): number {
    return this.stored.tokens.length
  }

  async read(indices: readonly number[], preprocessing: Preprocessing): Promise<Reading> {
    const options = preprocessing.kind === 'text' ? preprocessing : this.suggested
    const { maxLength } = options
    const size = indices.length * maxLength
    requireMemory(size * 4 * 8, `${indices.length} texts of ${maxLength} tokens`)
    const wanted = this.wanted()
    const columns = wanted.map(() => new Int32Array(size))
    for (const [row, index] of indices.entries()) {
      const made = tokenRow(options, this.tokens, unpacked(await this.stored.tokens.read(index)))
      for (const [i, [, kind]] of wanted.entries()) columns[i]!.set(made[kind], row * maxLength)
    }
    const dims = [indices.length, maxLength]
    return {
      inputs: Object.fromEntries(wanted.map(([info], i) => [info.name, typed(info, dims, columns[i]!)])),
    }
  }

  /** Which inputs the model has, and what each is given. */
  private wanted(): [info: ValueInfo, kind: TokenKind][] {
    const { ids, mask, types, positions } = this.inputs
    const all: [ValueInfo | undefined, TokenKind][] = [
      [ids, 'token-ids'],
      [mask, 'token-mask'],
      [types, 'token-types'],
      [positions, 'token-positions'],
    ]
    return all.filter((one): one is [ValueInfo, TokenKind] => one[0] !== undefined)
  }

  async preview(index: number): Promise<SourcePreview> {
    const text = (await this.said(index)).join('\n').slice(0, PREVIEW_LIMIT)
    return { title: `${path.basename(this.file)}, text ${index + 1}`, text }
  }

  private async said(index: number): Promise<string[]> {
    return JSON.parse(Buffer.from(await this.stored.texts.read(index)).toString('utf8')) as string[]
  }

  /** Words are tokens one by one, which no tokenizer makes of a text in one piece for certain. */
  get raw(): RawSamples | undefined {
    const { tokenizer, tokens } = this
    if (this.byWords) return undefined
    return {
      ...(tokenizer !== undefined && { tokenizer }),
      form: (preprocessing) => {
        const options = preprocessing.kind === 'text' ? preprocessing : this.suggested
        const inputs = this.wanted().map(([{ name, dtype = 'int64' }, kind]): FormOf => ({
          name,
          dtype,
          dims: [options.maxLength],
          from: kind === 'token-types' && !tokens.pair ? { kind: 'constant', value: 0 } : { kind },
        }))
        return { ...options, inputs, tokens }
      },
      files: async (index) => {
        const names = tokenizer === undefined ? ['ids'] : ['text', 'second']
        return (await this.said(index)).map((text, i) => ({
          name: names[i]!,
          ending: '.txt',
          bytes: Buffer.from(text),
        }))
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

/** The length of the first text, its ids, then those of the second. */
const packed = ([first = [], second = []]: readonly (readonly number[])[]): Uint8Array =>
  new Uint8Array(Int32Array.from([first.length, ...first, ...second]).buffer)

function unpacked(bytes: Uint8Array): Int32Array[] {
  const all = new Int32Array(bytes.slice().buffer)
  const end = 1 + all[0]!
  return [all.subarray(1, end), all.subarray(end)]
}
