/** Samples with gaps are left out, counted and named: a missing value, NaN or infinity, or no label. */
import { PareError } from '../../contract/errors'
import { isFloat, type Model } from '../onnx'
import { floatsOf, type Value } from '../runtime/value'
import { selectRows } from './label-column'
import type { Targets } from './labels'
import { placesIn } from './names'
import type { RawLabels, Source } from './source'
import type { Watch } from './spool'

const NAMED = 5
const CHUNK = 64
const PROGRESS_SAMPLES = 256 * CHUNK

/** "12 of 120 rows are left out: … (1, 4, 7, 9, 30 and 7 more)." Positions are counted from 1. */
function leftOutNote(why: string, positions: readonly number[], total: number, noun: string): string {
  const named = positions.slice(0, NAMED).map((i) => i + 1)
  const more = positions.length > NAMED ? ` and ${positions.length - NAMED} more` : ''
  const are = positions.length === 1 ? 'is' : 'are'
  return `${positions.length} of ${total} ${noun} ${are} left out, ${why}: ${named.join(', ')}${more}.`
}

const NO_VALUE = 'with a value that is missing, NaN or infinite'
const NO_LABEL = 'without a label'

/**
 * The samples whose inputs are all finite numbers and that have a label, where the others have. Throws
 * `data/unreadable` where there is no such sample.
 */
export async function withoutGaps(
  source: Source,
  { file, noun, model }: { file: string; noun: string; model: Model },
  { signal, progress }: Watch = {},
): Promise<Source> {
  const kept: number[] = []
  const [broken, unlabelled]: [number[], number[]] = [[], []]
  const gapsMeanSomething = readsGaps(model)
  for (let from = 0; from < source.length; from += CHUNK) {
    signal?.throwIfAborted()
    if (from > 0 && from % PROGRESS_SAMPLES === 0)
      progress?.(from / source.length, 'Looking for missing values')
    const indices = Array.from({ length: Math.min(CHUNK, source.length - from) }, (_, i) => from + i)
    const gaps = gapsMeanSomething ? undefined : await source.hasGap?.(indices)
    const labelled = await hasLabel(source.labels, indices)
    for (const [i, index] of indices.entries())
      (gaps?.[i] ? broken : labelled && !labelled[i] ? unlabelled : kept).push(index)
  }
  if (kept.length === source.length) return source
  const notes = [
    ...(broken.length > 0 ? [leftOutNote(NO_VALUE, broken, source.length, noun)] : []),
    ...(unlabelled.length > 0 ? [leftOutNote(NO_LABEL, unlabelled, source.length, noun)] : []),
  ]
  if (kept.length > 0) return selectSource(source, kept, notes)
  throw new PareError('data/unreadable', {
    path: file,
    reason: `none of its ${source.length} ${noun} can be used, for each is ${broken.length > 0 ? NO_VALUE : NO_LABEL}`,
  })
}

/** Some models are trained on data with gaps and fill them themselves, as trees and imputers do. */
const readsGaps = (model: Model): boolean =>
  model.graph.nodes.some(
    (node) =>
      node.is('IsNaN') || (node.domain === 'ai.onnx.ml' && /^(Imputer|TreeEnsemble)/.test(node.opType)),
  )

async function hasLabel(
  labels: RawLabels | undefined,
  indices: readonly number[],
): Promise<boolean[] | undefined> {
  if (labels?.kind === 'names') {
    const isName = labels.names.map((name) => name.trim() !== '')
    return indices.map((i) => labels.of[i]! >= 0 && isName[labels.of[i]!]!)
  }
  if (labels?.kind !== 'rows' || !isFloat(labels.rows.dtype)) return undefined
  return finiteRows(await labels.rows.read(indices))
}

/** Which rows hold only finite numbers. `exact`: as float64, else as float32, where fewer numbers are finite. */
export function finiteRows(value: Value, exact = true): boolean[] {
  const data = exact && value.dtype === 'float64' ? (value.data as Float64Array) : floatsOf(value)
  const count = value.dims[0]!
  const size = data.length / count
  return Array.from({ length: count }, (_, row) => {
    for (let i = row * size; i < (row + 1) * size; i++) if (!Number.isFinite(data[i])) return false
    return true
  })
}

/**
 * Leaves out the samples that a number such as −1 marks as ones without a label: known only once labels are read for
 * a task. Changes both maps.
 */
export function labelledOnly(
  given: Record<string, Source>,
  targets: Map<Source, Targets>,
  noun: string,
): void {
  for (const [name, source] of Object.entries(given)) {
    const { ids, of } = targets.get(source)!
    if (!ids?.includes(-1)) continue
    const order = [...ids.keys()].filter((i) => ids[i]! >= 0)
    const left = [...ids.keys()].filter((i) => ids[i]! < 0)
    given[name] = selectSource(source, order, [leftOutNote(NO_LABEL, left, source.length, noun)])
    targets.set(given[name], {
      ids: Int32Array.from(order, (i) => ids[i]!),
      of: (indices, inputs, preprocessing) =>
        of(
          indices.map((i) => order[i]!),
          inputs,
          preprocessing,
        ),
    })
  }
}

/** Some samples of a source, in another order. */
export function selectSource(source: Source, order: readonly number[], notes: readonly string[]): Source {
  const at = (indices: readonly number[]): number[] => indices.map((i) => order[i]!)
  return {
    length: order.length,
    labels: source.labels && selectLabels(source.labels, order),
    suggested: source.suggested,
    get notes() {
      return [...source.notes, ...notes]
    },
    read: (indices, preprocessing, signal) => source.read(at(indices), preprocessing, signal),
    preview: (index, preprocessing, side) => source.preview(order[index]!, preprocessing, side),
    ...(source.raw && {
      raw: { ...source.raw, files: (index: number) => source.raw!.files(order[index]!) },
    }),
    ...(source.identity && { identity: (indices: readonly number[]) => source.identity!(at(indices)) }),
    ...(source.follows && {
      follows: (index: number) => order[index - 1] === order[index]! - 1 && source.follows!(order[index]!),
    }),
    close: () => source.close(),
  }
}

/** A blank name is no class; a class whose samples are all left out still has its place among the outputs. */
function selectLabels(labels: RawLabels, order: readonly number[]): RawLabels {
  if (labels.kind === 'rows') return { kind: 'rows', rows: selectRows(labels.rows, order) }
  if (labels.kind === 'made') {
    const at = (indices: readonly number[]): number[] => indices.map((i) => order[i]!)
    return { ...labels, make: (indices, ...rest) => labels.make(at(indices), ...rest) }
  }
  const names = labels.names.filter((name) => name.trim() !== '')
  const position = labels.names.map(placesIn(names))
  return { kind: 'names', names, of: Int32Array.from(order, (i) => position[labels.of[i]!] ?? -1) }
}
