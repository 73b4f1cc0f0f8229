/** Ids of one text, or of two that are read together, as a row of the model's length. */
import type { SampleForm, TokenPair, Tokens } from '../../contract/sample-form'

export type TokenKind = 'token-ids' | 'token-mask' | 'token-types' | 'token-positions'

type Part = readonly [ids: ArrayLike<number>, types: number | readonly number[]]

/**
 * Rows of `maxLength` numbers by what they tell: ids, 1 where there is a token, its segment, its place. The texts give
 * way to the ids around them; what is free is padded.
 */
export function tokenRow(
  { maxLength, padId }: Pick<Extract<SampleForm, { kind: 'text' }>, 'maxLength' | 'padId'>,
  tokens: Tokens,
  texts: readonly Int32Array[],
): Record<TokenKind, Int32Array> {
  const parts = partsOf(tokens, texts, maxLength)
  const length = Math.min(
    maxLength,
    parts.reduce((sum, [ids]) => sum + ids.length, 0),
  )
  const start = tokens.padLeft ? maxLength - length : 0
  const row = {
    'token-ids': new Int32Array(maxLength).fill(padId),
    'token-mask': new Int32Array(maxLength).fill(1, start, start + length),
    'token-types': new Int32Array(maxLength),
    'token-positions': Int32Array.from({ length: maxLength }, (_, i) => i),
  }
  let at = start
  for (const [ids, types] of parts)
    for (let i = 0; i < ids.length && at < maxLength; i++, at++) {
      row['token-ids'][at] = ids[i]!
      row['token-types'][at] = typeof types === 'number' ? types : types[i]!
    }
  return row
}

function partsOf(tokens: Tokens, texts: readonly Int32Array[], maxLength: number): Part[] {
  const { prefix, suffix, cutLeft, pair } = tokens
  const [first = new Int32Array(), second = new Int32Array()] = texts
  const between = pair?.between ?? []
  const room = Math.max(0, maxLength - prefix.length - between.length - suffix.length)
  const kept = (text: Int32Array, length: number): Int32Array =>
    cutLeft ? text.subarray(Math.max(0, text.length - length)) : text.subarray(0, length)
  if (!pair)
    return [
      [prefix, 0],
      [kept(first, room), 0],
      [suffix, 0],
    ]
  const { types, cut } = pair
  const [a, b] = shares(first.length, second.length, room, cut)
  return [
    [prefix, types.prefix],
    [kept(first, a), types.first],
    [between, types.between],
    [kept(second, b), types.second],
    [suffix, types.suffix],
  ]
}

/** Source: Hugging Face tokenizers, utils/truncation.rs. */
function shares(a: number, b: number, room: number, cut: TokenPair['cut']): [number, number] {
  if (cut === 'first') return [Math.min(a, Math.max(0, room - b)), Math.min(b, room)]
  if (cut === 'second') return [Math.min(a, room), Math.min(b, Math.max(0, room - a))]
  const shorter = Math.min(a, b, Math.floor(room / 2))
  const longer = Math.min(Math.max(a, b), room - shorter)
  return a > b ? [longer, shorter] : [shorter, longer]
}
