/** Text to token ids with a dropped tokenizer.json. Source: Hugging Face tokenizers (truncation and padding). */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Tokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { isTimeout, limited } from './limited'

/** Ids of one text in three parts, so that cutting never takes the special tokens away. */
export interface Tokens {
  prefix: number[]
  content: number[]
  suffix: number[]
}

export interface TextEncoder {
  encode(text: string): Tokens
  /** What the file itself says, where it does. */
  maxLength?: number
  padId: number
  padLeft: boolean
  cutLeft: boolean
}

/** Longer texts are cut: no model reads more. Where a tokenizer says more, it means that it sets no limit. */
export const TOKEN_LIMIT = 65_536

const SIZE_LIMIT = 256 * 2 ** 20

const TokenizerFile = z.looseObject({
  truncation: z
    .looseObject({ max_length: z.int().positive().optional(), direction: z.string().optional() })
    .nullish(),
  padding: z
    .looseObject({
      direction: z.string().optional(),
      pad_id: z.int().nonnegative().optional(),
      strategy: z.unknown(),
    })
    .nullish(),
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })).nullish(),
  model: z.looseObject({}),
})

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
  let special: ReturnType<typeof around>
  let hasPatterns = true
  const encoded = (text: string, options?: { add_special_tokens: boolean }): number[] => {
    const work = (): number[] => tokenizer.encode(text, options).ids
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
    special = around(encoded)
  } catch (cause) {
    if (cause instanceof PareError) throw cause
    return refuse('it is no tokenizer.json of the Hugging Face kind', cause)
  }
  const pad = parsed.added_tokens?.find(({ content }) => /^(\[PAD\]|<pad>|<\|pad\|>)$/i.test(content))
  return {
    encode: (text) => ({ ...special, content: encoded(text, { add_special_tokens: false }) }),
    ...(parsed.truncation?.max_length && { maxLength: Math.min(parsed.truncation.max_length, TOKEN_LIMIT) }),
    padId: parsed.padding?.pad_id ?? pad?.id ?? 0,
    padLeft: parsed.padding?.direction === 'Left',
    cutLeft: parsed.truncation?.direction === 'Left',
  }
}

/** Parsed tokenizer_config.json beside it; an empty object where there is none. Throws SyntaxError. */
async function configBeside(file: string): Promise<unknown> {
  const beside = path.join(path.dirname(file), 'tokenizer_config.json')
  const stat = await fs.stat(beside).catch(() => undefined)
  return stat?.isFile() ? JSON.parse(await fs.readFile(beside, 'utf8').catch(() => '{}')) : {}
}

/** The special tokens around a text are the same for every text: found once. */
function around(
  encoded: (text: string, options?: { add_special_tokens: boolean }) => number[],
): Pick<Tokens, 'prefix' | 'suffix'> {
  const whole = encoded('text')
  const content = encoded('text', { add_special_tokens: false })
  for (let at = 0; at <= whole.length - content.length; at++)
    if (content.every((id, i) => whole[at + i] === id))
      return { prefix: whole.slice(0, at), suffix: whole.slice(at + content.length) }
  return { prefix: [], suffix: [] }
}
