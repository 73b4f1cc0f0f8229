/** The validation samples a search may look at, and those it must not: the guard against luck. */
import { shuffledClips } from '../data/clips'
import type { Dataset, Split } from '../data/dataset'
import { seeded } from '../math/random'
import { POLICY } from './policy'

export interface SearchParts {
  /** Dataset whose validation split is the subset, the search part, the confirm part. */
  subset: Dataset
  search: Dataset
  confirm: Dataset
}

/** A split that holds only some positions of another. */
export function partOfSplit(split: Split, positions: readonly number[]): Split {
  const own = split.goesOn
  const goesOn = own && ((at: number, before: number): boolean => own(positions[at]!, positions[before]!))
  return {
    ...(goesOn && { goesOn }),
    name: split.name,
    origin: split.origin,
    length: positions.length,
    preview: (index, side) => split.preview(positions[index]!, side),
    async *batches(size, options = {}) {
      const wanted = options.indices ?? positions.map((_, at) => at)
      const order =
        options.shuffle === undefined ? wanted : shuffledClips(wanted, seeded(options.shuffle), goesOn)
      const chosen = order.slice(0, options.limit)
      const back = chosen[Symbol.iterator]()
      const rows = split.batches(size, {
        signal: options.signal,
        indices: chosen.map((at) => positions[at]!),
      })
      for await (const batch of rows)
        yield { ...batch, indices: batch.indices.map(() => back.next().value as number) }
    },
  }
}

export const withSplits = (
  dataset: Dataset,
  of: (splits: Dataset['splits']) => Dataset['splits'],
): Dataset => ({
  kind: dataset.kind,
  task: dataset.task,
  path: dataset.path,
  classes: dataset.classes,
  preprocessing: dataset.preprocessing,
  spec: dataset.spec,
  splits: of(dataset.splits),
  summary: () => dataset.summary(),
  variant: (change) => withSplits(dataset.variant(change), of),
  close: () => dataset.close(),
})

const withValidation = (dataset: Dataset, positions: readonly number[]): Dataset =>
  withSplits(dataset, (splits) => ({ ...splits, validation: partOfSplit(splits.validation, positions) }))

/** Splits validation by a seeded permutation; the same on every machine. */
export function partsOf(dataset: Dataset, seed: number): SearchParts {
  const { length, goesOn } = dataset.splits.validation
  const all = Array.from({ length }, (_, i) => i)
  const order = shuffledClips(all, seeded(seed), goesOn)
  const confirm = Math.floor(order.length * POLICY.confirmShare)
  const ascending = (positions: number[]): number[] => positions.sort((a, b) => a - b)
  const search = order.slice(confirm)
  return {
    subset: withValidation(dataset, ascending(search.slice(0, POLICY.subsetSamples))),
    search: withValidation(dataset, ascending([...search])),
    confirm: withValidation(dataset, ascending(order.slice(0, confirm))),
  }
}
