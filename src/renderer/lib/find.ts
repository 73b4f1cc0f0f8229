/** Every word of the query stands somewhere in the text. */
export function hasWords(text: string, query: string): boolean {
  const lower = text.toLowerCase()
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word))
}

interface Findable {
  title: string
  /** Other words it is found by. */
  keywords?: string
  /** What is written under the title. */
  text?: string
}

const starts = (text: string, word: string): boolean =>
  text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .some((one) => one.startsWith(word))

/** Undefined where a word of the query is nowhere; else less is nearer: the title itself, words of it, what stands for it. */
function nearness({ title, keywords = '', text = '' }: Findable, query: string): number | undefined {
  const asked = query.trim().toLowerCase()
  if (!hasWords(`${title} ${keywords} ${text}`, asked)) return undefined
  const words = asked.split(/\s+/)
  const lower = title.toLowerCase()
  const ways = [
    lower === asked,
    lower.startsWith(asked),
    words.every((word) => starts(title, word)),
    words.every((word) => starts(`${title} ${keywords}`, word)),
    hasWords(`${title} ${keywords}`, asked),
  ]
  const at = ways.indexOf(true)
  return at < 0 ? ways.length : at
}

/** Groups with what is found of them, the nearest first; in the order they came where nothing is asked or all are as near. */
export function ranked<I extends Findable, G extends { items: I[] }>(
  groups: readonly G[],
  query: string,
): G[] {
  const near = (item: I): number => nearness(item, query) ?? Infinity
  const best = ({ items }: G): number => Math.min(...items.map(near))
  const found = groups
    .map((group) => ({ ...group, items: group.items.filter((item) => near(item) < Infinity) }))
    .filter(({ items }) => items.length > 0)
  if (!query.trim()) return found
  return found
    .map((group) => ({ ...group, items: group.items.toSorted((a, b) => near(a) - near(b)) }))
    .sort((a, b) => best(a) - best(b))
}
