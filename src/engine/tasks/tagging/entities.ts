/**
 * Entities that tags at every token say: B- begins one, I- goes on, E- ends and S- is one; tags without these letters are
 * names of entities themselves. Read as the evaluation of CoNLL-2000 (conlleval) reads them, which seqeval follows: a
 * stretch may also begin with I-.
 */

/** Tokens [from, to) of one entity. */
export interface Entity {
  from: number
  to: number
  name: string
}

interface Tag {
  letter: string
  name: string
}

const OUTSIDE = /^(o|0|none|outside|_|)$/i

/** Names of tags are given by their number; without them every tag but the first is an entity's. */
export function tagOf(at: number, names: readonly string[] | undefined): Tag {
  const text = names?.[at] ?? String(at)
  if (OUTSIDE.test(text)) return { letter: 'O', name: '' }
  const [, letter, name] = /^([BIESLU])-(.+)$/.exec(text) ?? [undefined, 'I', text]
  // BILOU's last and unit are BIOES' end and single.
  return { letter: { L: 'E', U: 'S' }[letter!] ?? letter!, name: name! }
}

const ends = (before: Tag, tag: Tag): boolean =>
  before.letter !== 'O' &&
  ('ES'.includes(before.letter) || 'BSO'.includes(tag.letter) || before.name !== tag.name)

const begins = (before: Tag, tag: Tag): boolean =>
  tag.letter !== 'O' &&
  ('BS'.includes(tag.letter) || 'ESO'.includes(before.letter) || before.name !== tag.name)

export function entitiesOf(tags: readonly Tag[]): Entity[] {
  const found: Entity[] = []
  let before: Tag = { letter: 'O', name: '' }
  let from = 0
  for (const [at, tag] of [...tags, { letter: 'O', name: '' }].entries()) {
    if (ends(before, tag)) found.push({ from, to: at, name: before.name })
    if (begins(before, tag)) from = at
    before = tag
  }
  return found
}

export const sameEntities = (given: readonly Entity[], truth: readonly Entity[]): number =>
  given.filter((a) => truth.some((b) => a.from === b.from && a.to === b.to && a.name === b.name)).length
