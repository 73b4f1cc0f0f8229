/** What names of files, folders, columns and arrays say: order, splits, labels. */

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'variant' })

/** 2 before 10; the same on every machine. */
export const naturalOrder = (a: string, b: string): number =>
  collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)

/** As `indexOf` of these names, in the time of one look however many there are; −1 where a name is not among them. */
export function placesIn(names: readonly string[]): (name: string) => number {
  const places = new Map<string, number>()
  for (const [place, name] of names.entries()) if (!places.has(name)) places.set(name, place)
  return (name) => places.get(name) ?? -1
}

/** A held-out `test` set is told apart, and used for validation only where there is no other. */
export type GivenSplit = 'calibration' | 'training' | 'validation' | 'test'

const SPLIT_WORDS: Record<string, GivenSplit> = {
  calibration: 'calibration',
  calibrate: 'calibration',
  calib: 'calibration',
  cal: 'calibration',
  training: 'training',
  train: 'training',
  validation: 'validation',
  validate: 'validation',
  valid: 'validation',
  val: 'validation',
  dev: 'validation',
  eval: 'validation',
  evaluation: 'validation',
  test: 'test',
  testing: 'test',
}

/** The split a name speaks of, and what else it says: `train_ids` → training, `ids`; undefined where it names none. */
export function splitOfName(name: string): { split: GivenSplit; rest: string } | undefined {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const at = words.findIndex((word) => Object.hasOwn(SPLIT_WORDS, word.toLowerCase()))
  if (at < 0) return undefined
  const split = SPLIT_WORDS[words[at]!.toLowerCase()]!
  return { split, rest: words.filter((_, i) => i !== at).join('_') }
}

/** Names that differ in case and punctuation only are the same name. */
export function sameName(a: string, b: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '')
  return a === b || plain(a) === plain(b)
}

const LABEL_WORDS = [
  'label',
  'labels',
  'y',
  'target',
  'targets',
  'class',
  'classes',
  'category',
  'ner_tags',
  'pos_tags',
]

/** Whether a name can hardly mean anything but labels; a y may be a coordinate, a target a set point. */
export const surelyLabel = (name: string): boolean => (labelRank(name) ?? Infinity) <= 1

/** How strongly a name says "these are the labels": smaller is stronger, undefined is not at all. */
export function labelRank(name: string): number | undefined {
  const rank = LABEL_WORDS.indexOf(name.trim().toLowerCase())
  return rank < 0 ? undefined : rank
}
