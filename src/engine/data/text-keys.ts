/** Under which names records hold texts, token ids and labels. */
import { PareError } from '../../contract/errors'
import { isList } from './label-column'
import { labelRank } from './names'
import type { OpenOptions } from './reader'

const TEXT_KEY = /^(text|sentence|content|document|review|comment|message|question|prompt|input)$/i
const IDS_KEY = /^(input_?ids|ids|tokens|token_ids)$/i

/** Two texts that are read together, the first before the second. Source: column names of GLUE, SNLI, QNLI, BoolQ, MS MARCO and Sentence Transformers. */
const PAIRS: readonly (readonly [RegExp, RegExp])[] = [
  [/^(text|sentence|question|document)_?[1a]$/i, /^(text|sentence|question|document)_?[2b]$/i],
  [/^text$/i, /^text_pair$/i],
  [/^premise$/i, /^hypothesis$/i],
  [/^question$/i, /^(sentence|passage|context|answer)$/i],
  [/^query$/i, /^(passage|document|doc|text|answer)$/i],
]

/** Under which names a record holds what. */
export interface TextKeys {
  text?: string
  /** The text that is read together with the first. */
  second?: string
  ids?: string
  mask?: string
  label?: string
}

function pairIn(names: readonly string[]): readonly [string, string] | undefined {
  for (const [one, other] of PAIRS) {
    const [first, second] = [one, other].map((pattern) => names.find((name) => pattern.test(name)))
    if (first !== undefined && second !== undefined) return [first, second]
  }
  return undefined
}

/** One column, or two joined by + whose texts are read together. Throws `data/spec` where there are none such. */
function saidKeys(values: Record<string, unknown>, said: string): Pick<TextKeys, 'text' | 'second' | 'ids'> {
  if (isList(values[said])) return { ids: said }
  const [text, second, ...more] = said in values ? [said] : said.split('+').map((name) => name.trim())
  const missing = [text!, second ?? text!, ...more].find((name) => typeof values[name] !== 'string')
  if (missing !== undefined || more.length > 0)
    throw new PareError('data/spec', {
      reason: `“${said}” is neither a column of texts or token ids, nor two of texts joined by +; there are ${Object.keys(values).join(', ')}`,
    })
  return { text: text!, ...(second !== undefined && { second }) }
}

/**
 * Keys of text, ids and label in a record; undefined where it holds neither text nor ids. `ids` is the name of the input
 * that takes token ids. Throws `data/spec`.
 */
export function textKeys(
  values: Record<string, unknown>,
  ids: string,
  { label, columns }: Pick<OpenOptions, 'label' | 'columns'>,
): TextKeys | undefined {
  const keys = Object.keys(values)
  const said = columns?.[ids] === undefined ? undefined : saidKeys(values, columns[ids])
  const strings = keys.filter(
    (key) => typeof values[key] === 'string' && labelRank(key) === undefined && key !== label,
  )
  const pair = said ? undefined : pairIn(strings)
  const text = said
    ? said.text
    : (pair?.[0] ??
      strings.find((key) => TEXT_KEY.test(key)) ??
      (strings.length === 1 ? strings[0] : undefined))
  const second = said ? said.second : pair?.[1]
  const idsKey = said
    ? said.ids
    : keys.find((key) => (key === ids || IDS_KEY.test(key)) && isList(values[key]))
  if (text === undefined && idsKey === undefined) return undefined
  const ranked = keys
    .filter((key) => labelRank(key) !== undefined)
    .sort((a, b) => labelRank(a)! - labelRank(b)!)
  const found = label ?? ranked[0]
  const mask = keys.find((key) => /mask/i.test(key) && isList(values[key]))
  return {
    ...(text && { text }),
    ...(second && { second }),
    ...(idsKey && { ids: idsKey }),
    ...(mask && { mask }),
    ...(found && { label: found }),
  }
}
