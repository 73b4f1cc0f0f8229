/** Other orders in which the classes of a dataset may be the outputs of a model. */
import { assign } from '../math/assignment'
import { classesOf, type ClassAnswers } from './answers'
import type { Dataset } from './dataset'
import { placesIn } from './names'
import { INVOLVED } from './variants'

interface ClassOrder {
  /** A name for every output. */
  classes: readonly string[]
  words: string
  /** As of preprocessings: a usual way to count, or fitted to the answers. */
  involved: number
}

/** More classes are not matched to answers: with few samples of each, anything fits. */
const MATCHED_CLASSES = 200

/** What an output is called that no label belongs to. */
const unnamed = (output: number): string => `(output ${output})`

const isNumbered = (names: readonly string[]): boolean => names.every((name, i) => name === String(i))

/**
 * Names that say no order are matched to the answers; numbers may be counted from one, or leave the first output to the
 * background.
 */
export function ordersOf(answers: ClassAnswers, { classes = [], guessedOrder }: Dataset): ClassOrder[] {
  const all = Array.from({ length: answers.width }, (_, i) => classes[i] ?? unnamed(i))
  const shifts = isNumbered(all) ? shifted(answers, all) : []
  if (!guessedOrder || answers.width > MATCHED_CLASSES) return shifts
  const matched = matchedOrder(answers, all)
  const sorted = all.toSorted()
  const alphabetical = matched.every((name, i) => name === sorted[i])
  const words = alphabetical
    ? 'classes in alphabetical order'
    : `classes in the order ${shortList(matched)}, matched to the model's answers on ${answers.samples} other samples`
  return matched.every((name, i) => name === all[i])
    ? shifts
    : [...shifts, { classes: matched, words, involved: alphabetical ? INVOLVED.convention : INVOLVED.fitted }]
}

function shifted({ labels, width }: ClassAnswers, all: readonly string[]): ClassOrder[] {
  const orders: ClassOrder[] = []
  const involved = INVOLVED.convention
  if (!labels.includes(0))
    orders.push({ classes: [...all.slice(1), all[0]!], words: 'labels counted from 1', involved })
  if (!labels.includes(width - 1))
    orders.push({
      classes: [all.at(-1)!, ...all.slice(0, -1)],
      words: 'the first output for the background',
      involved,
    })
  return orders
}

/** The order of all names that agrees best with the answers. */
function matchedOrder(answers: ClassAnswers, names: readonly string[]): string[] {
  const { width, labels } = answers
  const counts = new Float64Array(width * width)
  for (const [i, answer] of classesOf(answers).entries()) counts[labels[i]! * width + answer]!++
  const classes = new Array<string>(width)
  for (const [label, column] of assign(counts, width).entries()) classes[column] = names[label]!
  return classes
}

/** The same answers to labels whose classes are in another order. */
export function reordered(
  answers: ClassAnswers,
  before: readonly string[],
  order: readonly string[],
): ClassAnswers {
  const position = before.map(placesIn(order))
  return { ...answers, labels: answers.labels.map((label) => position[label]!) }
}

const shortList = (names: readonly string[]): string =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 6).join(', ')} …`
