/** Opens a dataset of any format for a model. */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Doubt } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { Model } from '../onnx'
import { carriedStates, openRunner, signatureOf } from '../runtime'
import { readNpy, readNpz } from './array-files'
import { assemble, NOUNS, targetsOfAll } from './assembled'
import { readBoxes } from './boxes/read'
import { withCarriedStates } from './carried'
import { clipNote } from './clips'
import { concatSources } from './concat'
import type { Dataset } from './dataset'
import { KIND_OF_FORMAT, type Format } from './formats'
import { labelledOnly, withoutGaps } from './gaps'
import { chooseLabel } from './label-choice'
import { labelFacts } from './labels'
import { readMasks } from './masks/read'
import { locate, type Located, type Place } from './locate'
import { readImages } from './images'
import { splitOfName, type GivenSplit } from './names'
import { forFittingOutput } from './output-choice'
import { overlaps } from './overlap'
import { readText as readTexts } from './text-files'
import { readText } from './text-stream'
import { sampleInput, type OpenOptions, type Reader, type ReaderContext } from './reader'
import type { Source } from './source'
import { readAudio } from './sounds/read'
import { preprocessingOf } from './spec'
import { makeSplits, type Part, type Parts } from './splits'
import { readTable } from './table'
import { readTokens } from './token-stream'
import { evaluatedOutput, recogniseTask, type Output } from './tasks'

export type { OpenOptions } from './reader'

const READERS: Record<Format, Reader> = {
  npz: readNpz,
  npy: readNpy,
  table: readTable,
  images: readImages,
  boxes: readBoxes,
  masks: readMasks,
  audio: readAudio,
  // Its libraries take a tenth of an engine's start: they are loaded with the first file of this format.
  parquet: async (...asked) => (await import('./parquet')).readParquet(...asked),
  text: readTexts,
  tokens: readTokens,
}

/**
 * Recognises the data at `root` by content, matches it to the inputs of `model`, splits it where it is not
 * split. Close it after use. Throws `data/not-found`, `data/empty`, `data/unrecognised`, `data/unreadable`,
 * `data/shape-mismatch`, `data/labels-out-of-range`, `data/label-unclear`, `data/spec`, `disk/full`.
 */
export async function openDataset(root: string, model: Model, options: OpenOptions = {}): Promise<Dataset> {
  const open = (output?: string, notes: readonly string[] = []): Promise<Dataset> =>
    openLabelled(root, model, {
      ...options,
      ...(output !== undefined && { output }),
      ...(notes.length > 0 && { notes: [...(options.notes ?? []), ...notes] }),
    })
  return options.output === undefined ? forFittingOutput(model, open, options.signal) : open()
}

/** Where several columns may be the labels, as those that the model answers. */
async function openLabelled(root: string, model: Model, options: OpenOptions): Promise<Dataset> {
  try {
    return await openAs(root, model, options)
  } catch (cause) {
    if (!(cause instanceof PareError) || cause.data.code !== 'data/label-unclear') throw cause
    const open = (label: string): Promise<Dataset> => openAs(root, model, { ...options, label })
    const { columns, path: file } = cause.data
    const { label, note } = await chooseLabel(file, columns, model, open, options.signal)
    return openAs(root, model, { ...options, label, notes: [...(options.notes ?? []), note] })
  }
}

async function openAs(root: string, model: Model, options: OpenOptions): Promise<Dataset> {
  const absolute = path.resolve(root)
  const located = await locate(absolute, options.format)
  const reader = READERS[located.format]
  const { companions } = located
  const inputs = signatureOf(model).inputs.map(sampleInput)
  const context: ReaderContext = { model, inputs, companions, options }
  const given = await openPlaces(located, reader, context)
  let sources = [...new Set(Object.values(given))]
  const close = async (): Promise<void> => {
    for (const source of sources) await source.close()
  }
  try {
    const preprocessing = preprocessingOf(sources[0]!.suggested, options.preprocessing)
    for (const [name, source] of Object.entries(given))
      given[name as keyof Given] = await withCarriedStates(source, model, preprocessing, options.signal)
    sources = [...new Set(Object.values(given))]
    const facts = await labelFacts(sources)
    const classes = options.classes ?? (await classList(companions.classList))
    const declared = evaluatedOutput(model, options.output)
    const output =
      facts.kind === 'none' ? declared : await knownOutput(model, declared, sources[0]!, preprocessing)
    const recognised = recogniseTask(model, output, facts, {
      ...(options.task && { task: options.task }),
      ...(classes && { classes }),
      clips: sources.some((source) => source.follows !== undefined),
    })
    const plan = recognised.targets
    const targets = await targetsOfAll(sources, plan)
    labelledOnly(given, targets, NOUNS[KIND_OF_FORMAT[located.format]])
    const { parts, notes } = makeSplits(
      given,
      (source) => targets.get(source)?.ids,
      options.seed ?? 0,
      options.shares,
    )
    const shared = await overlaps(parts, options.signal)
    const trainingOnly = scoredOnTraining(located, parts)
    return assemble({
      kind: KIND_OF_FORMAT[located.format],
      task: recognised.task,
      path: absolute,
      ...(recognised.classes && { classes: recognised.classes }),
      ...(recognised.guessedOrder && { guessedOrder: true }),
      preprocessing,
      said: {
        label: options.label,
        columns: options.columns,
        output: options.output,
        unused: options.unused,
        boxes: options.boxes,
        seconds: options.seconds,
        window: options.window,
        notes: options.notes,
      },
      parts,
      plan,
      targets,
      doubts: [
        ...trainingOnly,
        ...shared.flatMap(({ judged, sentence }) =>
          judged === 'validation' ? [{ kind: 'overlap' as const, message: sentence }] : [],
        ),
      ],
      notes: [
        ...located.notes,
        ...(options.notes ?? []),
        ...notes,
        ...clipNotes(parts.validation, model),
        ...shared.map(({ sentence }) => sentence),
        `Read as ${recognised.task}: ${recognised.reason}.`,
      ],
      close,
    })
  } catch (cause) {
    await close()
    throw cause
  }
}

function clipNotes({ source, order }: Part, model: Model): string[] {
  if (!source.follows) return []
  const positions = order ? [...order] : Array.from({ length: source.length }, (_, i) => i)
  const names = carriedStates(signatureOf(model)).map(({ name }) => name)
  return clipNote(positions, (index) => source.follows!(index), names)
}

/** Where all there is to score on is called training data: the model may have learned it by heart. */
function scoredOnTraining({ root, splits }: Located, { validation }: Parts): Doubt[] {
  const name = path.basename(root)
  const isTraining = splits.training !== undefined || splitOfName(name)?.split === 'training'
  if (!isTraining || validation.origin !== 'made') return []
  return [
    {
      kind: 'training-scored',
      message: `The validation samples are taken from training data (“${name}”): if the model was trained on them, they show it better than it is.`,
    },
  ]
}

type Given = Partial<Record<GivenSplit | 'whole', Source>>

async function openPlaces(located: Located, reader: Reader, context: ReaderContext): Promise<Given> {
  const found = new Map<GivenSplit | 'whole', Source[]>()
  const add = async (name: GivenSplit | 'whole', place: Place): Promise<void> => {
    for (const { split, source } of await reader(place, context)) {
      const key = name === 'whole' ? (split ?? 'whole') : name
      found.set(key, [...(found.get(key) ?? []), source])
    }
  }
  try {
    for (const [name, place] of Object.entries(located.splits)) await add(name as GivenSplit, place)
    if (located.whole) await add('whole', located.whole)
    const of = { file: located.root, noun: NOUNS[KIND_OF_FORMAT[located.format]], model: context.model }
    for (const list of found.values())
      for (const [i, source] of list.entries()) list[i] = await withoutGaps(source, of, context.options)
  } catch (cause) {
    for (const source of [...found.values()].flat()) await source.close()
    throw cause
  }
  return Object.fromEntries([...found].map(([name, list]) => [name, concatSources(list)]))
}

/** The shape of the output, by running one sample where the model does not declare it. */
async function knownOutput(
  model: Model,
  declared: Output,
  source: Source,
  preprocessing: Parameters<Source['read']>[1],
): Promise<Output> {
  if (declared.dims.length > 0 && declared.dims.every((dim) => typeof dim === 'number')) return declared
  const { inputs } = await source.read([0], preprocessing)
  const runner = await openRunner(model)
  try {
    const outputs = await runner.run(inputs, [declared.name])
    return { name: declared.name, dims: outputs[declared.name]!.dims.slice(1) }
  } finally {
    await runner.release()
  }
}

const CLASS_LIST_LIMIT = 16 * 2 ** 20

/** A JSON list, a JSON object from number to name, or one name per line. Throws `data/unreadable`. */
async function classList(file: string | undefined): Promise<string[] | undefined> {
  if (file === undefined) return undefined
  const { size } = await fs.stat(file)
  if (size > CLASS_LIST_LIMIT)
    throw new PareError('data/unreadable', { path: file, reason: 'a list of classes this large' })
  const text = await readText(file)
  if (!file.endsWith('.json')) return text.split(/\r?\n/).flatMap((line) => line.trim() || [])
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new PareError('data/unreadable', { path: file, reason: 'it is not valid JSON' }, { cause })
  }
  if (Array.isArray(parsed) && parsed.every((name) => typeof name === 'string')) return parsed
  return undefined
}
