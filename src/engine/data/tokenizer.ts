/** Text to token ids with a dropped tokenizer.json. Source: Hugging Face tokenizers (truncation and padding). */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Tokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import type { TokenPair, Tokens } from '../../contract/sample-form'
import { isTimeout, limited } from './limited'

export interface TextEncoder {
  /** Ids of a text without the special tokens around it, so that cutting never takes those away. */
  encode(text: string): number[]
  /** What stands around one text. */
  readonly one: Tokens
  /** What stands around and between two texts. */
  readonly two: Tokens
  /** What the file itself says, where it does. */
  readonly maxLength?: number
  readonly padId: number
}

/** Longer texts are cut: no model reads more. Where a tokenizer says more, it means that it sets no limit. */
export const TOKEN_LIMIT = 65_536

const SIZE_LIMIT = 256 * 2 ** 20

const TokenizerFile = z.looseObject({
  truncation: z
    .looseObject({
      max_length: z.int().positive().optional(),
      direction: z.string().optional(),
      strategy: z.string().optional(),
    })
    .nullish(),
  padding: z
    .looseObject({
      direction: z.string().optional(),
      pad_id: z.int().nonnegative().optional(),
      strategy: z.unknown(),
    })
    .nullish(),
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })).nullish(),
  post_processor: z.looseObject({ type: z.string().optional() }).nullish(),
  model: z.looseObject({}),
})

/** Which of two texts gives way, by the tokenizer's strategy of truncation. */
const CUTS: Readonly<Record<string, TokenPair['cut']>> = {
  LongestFirst: 'longest',
  OnlyFirst: 'first',
  OnlySecond: 'second',
}

/** Longest time for a text in milliseconds, and more for each of its characters: patterns may never come to an end. */
const LONGEST_MS = 10_000
const MS_PER_CHARACTER = 0.02
/** A tokenizer without patterns of its own is quick with texts up to this many characters. */
const SURELY_QUICK = 4096

/** Throws `data/unreadable` where the file is no tokenizer this knows, as `encode` does where a text takes for ever. */
export async function openTokenizer(file: string, longest = LONGEST_MS): Promise<TextEncoder> {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new PareError('data/unreadable', { path: file, reason }, { cause })
  }
  const stat = await fs.stat(file).catch((cause: unknown) => refuse('the tokenizer cannot be opened', cause))
  if (!stat.isFile()) refuse('it is no file')
  if (stat.size > SIZE_LIMIT) refuse('a tokenizer this large')
  let parsed: z.output<typeof TokenizerFile>
  let tokenizer: Tokenizer
  let one: Around
  let two: Around
  let hasPatterns = true
  const encode: Encode = (text, { second, special = true } = {}) => {
    const work = (): Encoded => {
      const { ids, token_type_ids: types } = tokenizer.encode(text, {
        add_special_tokens: special,
        return_token_type_ids: true,
        ...(second !== undefined && { text_pair: second }),
      })
      // All that RoBERTa reads is one segment. Source: Hugging Face tokenizers, processors/roberta.rs.
      return { ids, types: parsed.post_processor?.type === 'RobertaProcessing' ? ids.map(() => 0) : types }
    }
    if (!hasPatterns && text.length <= SURELY_QUICK) return work()
    try {
      return limited(longest + MS_PER_CHARACTER * text.length, work)
    } catch (cause) {
      if (!isTimeout(cause)) throw cause
      const seconds = Math.ceil(longest / 1000)
      return refuse(`it takes more than ${seconds} s for a text of ${text.length} characters`, cause)
    }
  }
  try {
    parsed = TokenizerFile.parse(JSON.parse(await fs.readFile(file, 'utf8')))
    hasPatterns = JSON.stringify([parsed.normalizer, parsed.pre_tokenizer]).includes('"Regex"')
    const library = await import('@huggingface/tokenizers')
    tokenizer = new library.Tokenizer(parsed, (await configBeside(file)) as object)
    one = aroundOne(encode)
    two = aroundTwo(encode, CUTS[parsed.truncation?.strategy ?? ''] ?? 'longest')
  } catch (cause) {
    if (cause instanceof PareError) throw cause
    return refuse('it is no tokenizer.json of the Hugging Face kind', cause)
  }
  const pad = parsed.added_tokens?.find(({ content }) => /^(\[PAD\]|<pad>|<\|pad\|>)$/i.test(content))
  const sides = {
    padLeft: parsed.padding?.direction === 'Left',
    cutLeft: parsed.truncation?.direction === 'Left',
  }
  return {
    encode: (text) => encode(text, { special: false }).ids,
    one: { ...one, ...sides },
    two: { ...two, ...sides },
    ...(parsed.truncation?.max_length && { maxLength: Math.min(parsed.truncation.max_length, TOKEN_LIMIT) }),
    padId: parsed.padding?.pad_id ?? pad?.id ?? 0,
  }
}

/** Parsed tokenizer_config.json beside it; an empty object where there is none. Throws SyntaxError. */
async function configBeside(file: string): Promise<unknown> {
  const beside = path.join(path.dirname(file), 'tokenizer_config.json')
  const stat = await fs.stat(beside).catch(() => undefined)
  return stat?.isFile() ? JSON.parse(await fs.readFile(beside, 'utf8').catch(() => '{}')) : {}
}

interface Encoded {
  ids: number[]
  /** Missing where the tokenizer knows no segments. */
  types?: number[]
}
type Encode = (text: string, options?: { second?: string; special?: boolean }) => Encoded
type Around = Omit<Tokens, 'padLeft' | 'cutLeft'>

/** Any word: special tokens are the same around every text, and found once. */
const WORD = 'text'

/** Where `part` begins in `whole` from `from` on; −1 where it is not in it. */
function placeOf(part: readonly number[], whole: readonly number[], from = 0): number {
  for (let at = from; at <= whole.length - part.length; at++)
    if (part.every((id, i) => whole[at + i] === id)) return at
  return -1
}

function aroundOne(encode: Encode): Around {
  const { ids: whole } = encode(WORD)
  const { ids: content } = encode(WORD, { special: false })
  const at = placeOf(content, whole)
  if (at < 0) return { prefix: [], suffix: [] }
  return { prefix: whole.slice(0, at), suffix: whole.slice(at + content.length) }
}

/** Tokenizers that join no pairs put one text behind the other. */
function aroundTwo(encode: Encode, cut: TokenPair['cut']): Around {
  const { ids: whole, types: told } = encode(WORD, { second: WORD })
  const { ids: content } = encode(WORD, { special: false })
  const first = placeOf(content, whole)
  const second = placeOf(content, whole, first + content.length)
  const types = told ?? whole.map((_, i) => Number(i >= second))
  if (first < 0 || second < 0) {
    const one = aroundOne(encode)
    const zeros = (list: readonly number[]): number[] => list.map(() => 0)
    const none = { prefix: zeros(one.prefix), first: 0, between: [], second: 1, suffix: zeros(one.suffix) }
    return { ...one, pair: { between: [], types: none, cut } }
  }
  const cutOut = (list: readonly number[]) => ({
    prefix: list.slice(0, first),
    between: list.slice(first + content.length, second),
    suffix: list.slice(second + content.length),
  })
  const { prefix, between, suffix } = cutOut(whole)
  const segments = { ...cutOut(types), first: types[first] ?? 0, second: types[second] ?? 0 }
  return { prefix, suffix, pair: { between, types: segments, cut } }
}
