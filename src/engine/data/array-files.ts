/** Reads NPZ archives and NPY files, split inside the file (x_train, y_train, …) or not. */
import { PareError } from '../../contract/errors'
import { sourceOfArrays } from './array-source'
import { concatSources } from './concat'
import { labelRank, splitOfName, type GivenSplit } from './names'
import { npyArray, npzArrays, type LazyArray } from './npz'
import type { Opened, Reader, ReaderContext } from './reader'
import type { Source } from './source'

export const readNpz: Reader = async (place, context) => {
  const opened: Opened[][] = []
  for (const file of place.files) {
    const { arrays, close } = await npzArrays(file, spoolOptions(context))
    opened.push(await closing(close, bySplit(arrays, file, context, close)))
  }
  return opened.length === 1
    ? opened[0]!
    : [{ source: concatSources(opened.map((parts) => alone(parts, place.path))) }]
}

export const readNpy: Reader = async (place, context) => {
  const arrays: LazyArray[] = []
  for (const file of place.files) arrays.push(await npyArray(file))
  return bySplit(arrays, place.path, context, () => {})
}

async function closing<T>(close: () => void, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    close()
    throw cause
  }
}

const spoolOptions = ({ options }: ReaderContext): { folder?: string } =>
  options.temporaryFolder === undefined ? {} : { folder: options.temporaryFolder }

function alone(parts: Opened[], file: string): Source {
  if (parts.length === 1) return parts[0]!.source
  throw new PareError('data/unreadable', {
    path: file,
    reason: 'several archives that are each split inside; drop one of them',
  })
}

/** Keras keeps x_train, y_train, x_test and y_test in one archive. */
async function bySplit(
  arrays: readonly LazyArray[],
  file: string,
  context: ReaderContext,
  close: () => void,
): Promise<Opened[]> {
  const groups = new Map<GivenSplit | undefined, LazyArray[]>()
  for (const array of arrays) {
    const named = splitOfName(array.name)
    const renamed = named && named.rest !== '' ? { ...array, name: named.rest } : array
    const split = named?.split
    groups.set(split, [...(groups.get(split) ?? []), renamed])
  }
  const named = [...groups.keys()].filter((split) => split !== undefined)
  if (named.length <= 1) {
    const [split] = named
    const all = split ? [...groups.values()].flat() : arrays
    const source = await arraySource(all, file, context, close)
    return [{ source, ...(split && { split }) }]
  }
  const opened: Opened[] = []
  for (const [i, split] of named.entries())
    opened.push({
      split,
      source: await arraySource(groups.get(split)!, file, context, i === 0 ? close : () => {}),
    })
  return opened
}

const reasonOf = ({ problem }: LazyArray): string =>
  problem?.data.code === 'data/unreadable' ? problem.data.reason : 'it cannot be read'

async function arraySource(
  arrays: readonly LazyArray[],
  file: string,
  context: ReaderContext,
  close: () => void,
): Promise<Source> {
  const usable = arrays.filter((array) => array.header)
  const unusable = arrays.filter((array) => array.problem)
  const { label } = context.options
  const isLabel = (name: string): boolean =>
    label === undefined ? labelRank(name) !== undefined : name === label
  const problem =
    (usable.some(({ name }) => isLabel(name)) ? undefined : unusable.find(({ name }) => isLabel(name))) ??
    (usable.length === 0 ? unusable[0] : undefined)
  if (problem) throw problem.problem!
  const named = usable.map(({ name, header, open }) => {
    const [length = 1, ...dims] = header!.shape
    const { dtype } = header!
    return {
      name,
      length,
      dims,
      dtype,
      looksLikeBytes: dtype === 'uint8',
      open: () => open(context.options),
    }
  })
  const notes = unusable.map((array) => `The array ${array.name} is left out: ${reasonOf(array)}.`)
  try {
    return await sourceOfArrays(named, file, context, { close, notes })
  } catch (cause) {
    // What is missing is mostly what could not be read.
    if (unusable[0] && cause instanceof PareError && cause.code === 'data/shape-mismatch')
      throw unusable[0].problem!
    throw cause
  }
}
