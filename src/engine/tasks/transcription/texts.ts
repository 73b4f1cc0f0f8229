/** Texts as labels: code points of each, float32 [samples, longest], padded with −1. */
import { floatsOf, type Value } from '../../runtime/value'

export function textLabels(texts: readonly string[]): Value {
  const points = texts.map((text) => Array.from(text, (character) => character.codePointAt(0)!))
  const longest = Math.max(1, ...points.map(({ length }) => length))
  const data = new Float32Array(texts.length * longest).fill(-1)
  for (const [row, own] of points.entries()) data.set(own, row * longest)
  return { dtype: 'float32', dims: [texts.length, longest], data }
}

export function textsOf(labels: Value): string[] {
  const [rows, longest] = labels.dims as [number, number]
  const data = floatsOf(labels)
  return Array.from({ length: rows }, (_, row) => {
    const points = data.subarray(row * longest, (row + 1) * longest)
    return String.fromCodePoint(...points.filter((point) => point >= 0))
  })
}

/** As error rates of words are counted: what stands between spaces. */
export const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')
