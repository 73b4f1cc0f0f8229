/** Tags of words as labels of the tokens that the words become. */
import { PareError } from '../../contract/errors'
import type { Preprocessing } from '../../contract/dataset'
import { naturalOrder } from './names'
import type { MadeLabels } from './source'

/** Not judged, as Hugging Face's models have it: special tokens, padding, and all but the first token of a word. */
const IGNORED = -100n

interface TaggedText {
  tags: readonly (string | number)[]
  /** How many tokens each word became, and how many stand before the first. */
  pieces: readonly number[]
  before: number
  after: number
}

export class TagLists {
  private readonly all: TaggedText[] = []

  get used(): boolean {
    return this.all.length > 0
  }

  /** Throws `data/unreadable` where there is not a tag for every word. */
  push(list: readonly unknown[], words: Omit<TaggedText, 'tags'>, file: string, where: string): void {
    if (list.length !== words.pieces.length)
      throw new PareError('data/unreadable', {
        path: file,
        reason: `${where} has ${list.length} tags for ${words.pieces.length} tokens`,
      })
    this.all.push({ tags: list.map((tag) => (typeof tag === 'string' ? tag : Number(tag))), ...words })
  }

  labels(): MadeLabels {
    const { all } = this
    const names = [...new Set(all.flatMap(({ tags }) => tags.filter((tag) => typeof tag === 'string')))]
    return {
      kind: 'made',
      task: 'tagging',
      names: names.sort(naturalOrder),
      reason: 'a tag for every token',
      async make(indices, preprocessing, classes) {
        const length = lengthOf(preprocessing)
        const data = new BigInt64Array(indices.length * length).fill(IGNORED)
        for (const [row, index] of indices.entries()) {
          const { tags, pieces, before, after } = all[index]!
          let at = before
          for (const [i, tag] of tags.entries()) {
            if (at >= length - after) break
            const id = typeof tag === 'number' ? tag : classes.indexOf(tag)
            if (id < 0 && typeof tag === 'string')
              throw new PareError('data/labels-out-of-range', { label: tag, classes: classes.length })
            if (pieces[i]! > 0) data[row * length + at] = BigInt(id)
            at += pieces[i]!
          }
        }
        return { dtype: 'int64', dims: [indices.length, length], data }
      },
    }
  }
}

const lengthOf = (preprocessing: Preprocessing): number =>
  preprocessing.kind === 'text' ? preprocessing.maxLength : 0
