/** A dataset put together from sources, splits, targets and preprocessing. */
import type {
  DataSpec,
  DatasetKind,
  DatasetSummary,
  Doubt,
  Preprocessing,
  SamplePreview,
  SplitName,
  Task,
} from '../../contract/dataset'
import { SPLITS } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { seeded } from '../math/random'
import { floatsOf } from '../runtime/value'
import { taskOf } from '../tasks'
import { shuffledClips, type GoesOn } from './clips'
import type { Batch, BatchOptions, Dataset, RawSample, Split, Variant } from './dataset'
import { targetsOf, type TargetPlan, type Targets } from './labels'
import { placesIn } from './names'
import { previewOf } from './preview'
import type { Source } from './source'
import type { Part, Parts } from './splits'

interface Assembly {
  kind: DatasetKind
  task: Task
  path: string
  classes?: readonly string[]
  guessedOrder?: boolean
  preprocessing: Preprocessing
  /** What was said or found of the way to read it that is not in the fields above. */
  said?: Pick<DataSpec, 'label' | 'columns' | 'output' | 'unused' | 'boxes' | 'seconds' | 'window' | 'notes'>
  /** What the calibration samples are, where they are no data. */
  standIn?: NonNullable<Dataset['standIn']>
  parts: Parts
  plan: TargetPlan
  targets: ReadonlyMap<Source, Targets>
  doubts?: readonly Doubt[]
  notes: readonly string[]
  close(): Promise<void>
}

export async function targetsOfAll(
  sources: Iterable<Source>,
  plan: TargetPlan,
): Promise<Map<Source, Targets>> {
  const targets = new Map<Source, Targets>()
  for (const source of sources) if (!targets.has(source)) targets.set(source, await targetsOf(source, plan))
  return targets
}

export function assemble(assembly: Assembly): Dataset {
  const { kind, task, path, classes, preprocessing, parts, targets } = assembly
  const splits = Object.fromEntries(
    SPLITS.map((name) => [name, makeSplit(name, parts[name], assembly)]),
  ) as Record<SplitName, Split>
  const classCounts = classes && countClasses(parts, targets, classes.length)
  return {
    kind,
    task,
    path,
    ...(classes && { classes }),
    ...(assembly.guessedOrder && { guessedOrder: true }),
    ...(assembly.standIn && { standIn: assembly.standIn }),
    preprocessing,
    spec: specOf(assembly),
    ...formOf(assembly),
    splits,
    summary: () => summarise(assembly, splits, classCounts),
    variant: (change) => assemble(varied(assembly, change)),
    close: () => assembly.close(),
  }
}

function formOf({ parts, preprocessing }: Assembly): Pick<Dataset, 'form'> {
  const { raw } = parts.validation.source
  if (!raw) return {}
  const { tokenizer } = raw
  return { form: { inputs: raw.form(preprocessing), ...(tokenizer !== undefined && { tokenizer }) } }
}

function specOf({ said, task, classes, preprocessing }: Assembly): DataSpec {
  const all = { ...said, task, ...(classes && { classes: [...classes] }), preprocessing }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function varied(assembly: Assembly, { preprocessing, classes }: Variant): Assembly {
  const close = async (): Promise<void> => {}
  let next: Assembly = { ...assembly, close }
  if (preprocessing) {
    if (preprocessing.kind !== assembly.preprocessing.kind)
      throw new PareError('data/shape-mismatch', {
        input: 'preprocessing',
        expected: assembly.preprocessing.kind,
        got: preprocessing.kind,
      })
    next = { ...next, preprocessing }
  }
  return classes ? renamed(next, classes) : next
}

/** The label that was class i of the old order becomes the class of the same name in the new one. */
function renamed(assembly: Assembly, classes: readonly string[]): Assembly {
  const old = assembly.classes ?? []
  const position = old.map(placesIn(classes))
  if (old.length > classes.length || position.includes(-1))
    throw new PareError('data/shape-mismatch', {
      input: 'classes',
      expected: old.join(', '),
      got: classes.join(', '),
    })
  const targets = new Map<Source, Targets>()
  for (const [source, target] of assembly.targets) {
    const ids = target.ids?.map((id) => (id < 0 ? -1 : position[id]!))
    targets.set(source, {
      ...(ids && { ids }),
      async of(indices, inputs, preprocessing) {
        if (!ids) return target.of(indices, inputs, preprocessing)
        return {
          dtype: 'int64',
          dims: [indices.length],
          data: BigInt64Array.from(indices, (i) => BigInt(ids[i]!)),
        }
      },
    })
  }
  return { ...assembly, classes, targets }
}

function makeSplit(name: SplitName, part: Part, assembly: Assembly): Split {
  const { source, order } = part
  const length = order?.length ?? source.length
  const positionOf = (index: number): number => {
    if (!Number.isInteger(index) || index < 0 || index >= length)
      throw new PareError('not-found', { what: `sample of the ${name} split`, id: String(index) })
    return order?.[index] ?? index
  }
  return {
    name,
    ...(source.follows && { goesOn: goesOnIn(part) }),
    length,
    origin: part.origin,
    batches: (size, options = {}) => batches(part, length, assembly, size, options),
    ...(part.source.raw && {
      raw: async (index: number) => rawSample(part.source, positionOf(index), assembly),
    }),
    async preview(index, side): Promise<SamplePreview> {
      const position = positionOf(index)
      const raw = await part.source.preview(position, assembly.preprocessing, side)
      const label = await labelText(part.source, position, assembly, raw.inputs ?? {})
      return previewOf(index, raw, label)
    },
  }
}

async function rawSample(
  source: Source,
  position: number,
  { targets, classes, task, preprocessing }: Assembly,
): Promise<RawSample> {
  const files = await source.raw!.files(position)
  const target = targets.get(source)!
  const id = target.ids?.[position]
  if (id !== undefined && classes) return { files, ...(id >= 0 && { label: classes[id]! }) }
  const { carries, labelText: text } = taskOf(task)
  if (!carries) return { files }
  const { inputs } = await source.read([position], preprocessing)
  const value = await target.of([position], inputs, preprocessing)
  if (!value) return { files }
  return { files, label: carries === 'texts' ? text!(value, classes) : Array.from(floatsOf(value)) }
}

async function labelText(
  source: Source,
  position: number,
  { targets, classes, task, preprocessing }: Assembly,
  inputs: Parameters<Targets['of']>[1],
): Promise<string | undefined> {
  const target = targets.get(source)!
  const id = target.ids?.[position]
  if (id !== undefined) return id < 0 ? undefined : (classes?.[id] ?? String(id))
  const { labelText: text } = taskOf(task)
  if (!text) return undefined
  const value = await target.of([position], inputs, preprocessing)
  return value && text(value, classes)
}

/** By positions within the split. */
const goesOnIn =
  ({ source, order }: Part): GoesOn =>
  (index, before) => {
    const [from, to] = order ? [order[before], order[index]!] : [before, index]
    return to === from! + 1 && source.follows!(to)
  }

/** Positions within the split, in the order they are read. */
function orderOf(length: number, part: Part, { indices, shuffle, limit }: BatchOptions): readonly number[] {
  const all = indices ?? Array.from({ length }, (_, i) => i)
  for (const index of indices ?? [])
    if (!Number.isInteger(index) || index < 0 || index >= length)
      throw new RangeError(`no sample ${index} of ${length}`)
  const goesOn = part.source.follows && goesOnIn(part)
  const ordered = shuffle === undefined ? all : shuffledClips(all, seeded(shuffle), goesOn)
  return limit === undefined ? ordered : ordered.slice(0, limit)
}

async function* batches(
  part: Part,
  length: number,
  assembly: Assembly,
  size: number,
  options: BatchOptions,
): AsyncGenerator<Batch> {
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`a batch of ${size} samples`)
  const order = orderOf(length, part, options)
  const read = (from: number): Promise<Batch | undefined> | undefined => {
    if (from >= order.length) return undefined
    const reading = readBatch(
      part,
      order.slice(from, from + size),
      order[from - 1] ?? -1,
      assembly,
      options.signal,
    )
    // It is awaited one batch later; until then a failure is not unhandled.
    reading.catch(() => {})
    return reading
  }
  // The next batch decodes on other threads while this one runs through the model.
  let next = read(0)
  for (let from = 0; next; from += size) {
    options.signal?.throwIfAborted()
    const batch = await next
    options.signal?.throwIfAborted()
    next = read(from + size)
    if (batch) yield batch
  }
}

async function readBatch(
  part: Part,
  asked: readonly number[],
  before: number,
  { preprocessing, targets }: Assembly,
  signal?: AbortSignal,
): Promise<Batch | undefined> {
  const { source, order } = part
  const positions = order ? asked.map((index) => order[index]!) : asked
  const { inputs, kept } = await source.read(positions, preprocessing, signal)
  if (kept?.length === 0) return undefined
  const at = <T>(list: readonly T[]): T[] => (kept ? kept.map((i) => list[i]!) : [...list])
  const labels = await targets.get(source)!.of(at(positions), inputs, preprocessing)
  const goesOn = source.follows && goesOnIn(part)
  const follows = goesOn && asked.map((index, i) => goesOn(index, asked[i - 1] ?? before))
  return { indices: at(asked), inputs, ...(labels && { labels }), ...(follows && { follows: at(follows) }) }
}

function countClasses(
  parts: Parts,
  targets: ReadonlyMap<Source, Targets>,
  classes: number,
): number[] | undefined {
  const counts = new Array<number>(classes).fill(0)
  const seen = new Set<Part>()
  for (const name of SPLITS) {
    const part = parts[name]
    const ids = targets.get(part.source)?.ids
    if (!ids) return undefined
    if (seen.has(part) || (part.origin === 'shared' && name !== 'calibration')) continue
    seen.add(part)
    for (const index of part.order ?? ids.keys()) {
      const id = ids[index]!
      if (id >= 0 && id < classes) counts[id]!++
    }
  }
  return counts
}

/** What samples are called, by the form they come in. */
export const NOUNS: Record<DatasetKind, string> = {
  images: 'images',
  npz: 'samples',
  table: 'rows',
  parquet: 'rows',
  text: 'texts',
  audio: 'sounds',
  random: 'random samples',
}

function summarise(
  { kind, task, classes, preprocessing, doubts = [], notes, parts }: Assembly,
  splits: Record<SplitName, Split>,
  classCounts: number[] | undefined,
): DatasetSummary {
  const everywhere = parts.validation === parts.calibration
  const counted = SPLITS.filter((name) => splits[name].origin !== 'shared')
  const samples = everywhere
    ? splits.validation.length
    : counted.reduce((sum, name) => sum + splits[name].length, 0)
  const { classNoun } = taskOf(task)
  const inClasses =
    classes && classes.length > 1
      ? ` ${classNoun ? `of ${classes.length} ${classNoun}` : `in ${classes.length} classes`}`
      : ''
  const unread = [...new Set(SPLITS.flatMap((name) => parts[name].source.notes))]
  return {
    kind,
    task,
    description: `${samples.toLocaleString('en')} ${NOUNS[kind]}${kind === 'npz' ? ' in arrays' : ''}${inClasses}`,
    samples,
    splits: Object.fromEntries(
      SPLITS.map((name) => [name, { samples: splits[name].length, origin: splits[name].origin }]),
    ) as DatasetSummary['splits'],
    ...(classes && { classes: [...classes] }),
    ...(classCounts && { classCounts }),
    preprocessing,
    ...(doubts.length > 0 && { doubts: [...doubts] }),
    notes: [...new Set([...notes, ...unread])],
  }
}
