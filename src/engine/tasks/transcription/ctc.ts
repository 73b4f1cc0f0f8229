/**
 * Scores of characters at every step, one of which says that there is none: the strongest of each step, repeats once,
 * blanks left out. Source: A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, "Connectionist Temporal Classification",
 * ICML 2006.
 */
import { argmax } from '../../math/argmax'
import { sizeOf } from '../../onnx'
import { floatsOf, type Value } from '../../runtime/value'

/** What each score stands for. */
export interface Alphabet {
  /** Position among the scores. */
  blank: number
  /** By position; the blank's is empty. */
  characters: readonly string[]
  words: string
}

const BLANK = /^(<blank>|\[blank\]|<blk>|<pad>|\[pad\]|<ctc>|ε|)$/i
/** What a list of tokens names and no text has. */
const UNSAID = /^(<s>|<\/s>|<unk>|\[unk\]|<sos\/eos>|\[cls\]|\[sep\])$/i

/** Every way that a list of characters can belong to so many scores, the usual first. */
export function alphabetsOf(list: readonly string[], scores: number): Alphabet[] {
  const of = (blank: number, all: readonly string[], words: string): Alphabet => ({
    blank,
    characters: spoken(all).with(blank, ''),
    words,
  })
  const first = (all: readonly string[], words: string): Alphabet =>
    of(0, ['', ...all], `the blank first${words}`)
  const last = (all: readonly string[], words: string): Alphabet =>
    of(all.length, [...all, ''], `the blank last${words}`)
  const spaced = [...list, ' ']
  if (scores === list.length) {
    const named = list.flatMap((character, i) =>
      BLANK.test(character) ? [of(i, list, `“${character}” as the blank`)] : [],
    )
    return named.length > 0
      ? named
      : [of(0, list, 'the first as the blank'), of(scores - 1, list, 'the last as the blank')]
  }
  if (scores === list.length + 1) return [first(list, ''), last(list, '')]
  // PaddleOCR adds the space that its lists lack.
  if (scores === list.length + 2) return [first(spaced, ', a space last'), last(spaced, ' after a space')]
  return []
}

/** As Hugging Face, SentencePiece and ESPnet write spaces. */
function spoken(list: readonly string[]): string[] {
  const bar = !list.includes(' ')
  return list.map((token) => {
    if (UNSAID.test(token)) return ''
    if (token === '<space>' || token === '[space]' || (bar && token === '|')) return ' '
    return token.replaceAll('▁', ' ')
  })
}

/** Strongest score at every step of each row; −1 where a row has scores that are no numbers. `axis` is that of the scores. */
export function pathsOf(output: Value, axis: 1 | 2): Int32Array[] {
  const [rows, a, b] = output.dims as [number, number, number]
  const [steps, scores] = axis === 2 ? [a, b] : [b, a]
  const data = floatsOf(output)
  const size = sizeOf([a, b])
  const one = new Float32Array(scores)
  return Array.from({ length: rows }, (_, row) => {
    const sample = data.subarray(row * size, (row + 1) * size)
    const bad = sample.some(Number.isNaN)
    return Int32Array.from({ length: steps }, (_step, t) => {
      if (bad) return -1
      if (axis === 2) return argmax(sample, t * scores, scores)
      for (let c = 0; c < scores; c++) one[c] = sample[c * steps + t]!
      return argmax(one, 0, scores)
    })
  })
}

export function textOf(
  path: Int32Array,
  { blank, characters }: Pick<Alphabet, 'blank' | 'characters'>,
): string {
  let text = ''
  for (const [t, at] of path.entries())
    if (at >= 0 && at !== blank && at !== path[t - 1]) text += characters[at] ?? ''
  return text.trim()
}
