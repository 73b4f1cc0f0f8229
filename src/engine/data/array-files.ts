/** Reads NPZ archives and NPY files, split inside the file (x_train, y_train, …) or not. */
import path from 'node:path'
import type { Preprocessing } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { isFloat } from '../onnx'
import { ArraySource, bindArrays, labelsOfRows, type Bound } from './arrays'
import { concatSources } from './concat'
import { splitOfName, type GivenSplit } from './names'
import { npyArray, npzArrays, type LazyArray } from './npz'
import type { Opened, Reader, ReaderContext } from './reader'
import type { Rows, Source } from './source'

export const readNpz: Reader = async (place, context) => {
  const opened: Opened[][] = []
  for (const file of place.files) {
    const { arrays, close } = await npzArrays(file, spoolOptions(context))
    opened.push(await bySplit(arrays, file, context, close))
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

async function arraySource(
  arrays: readonly LazyArray[],
  file: string,
  { inputs, options }: ReaderContext,
  close: () => void,
): Promise<Source> {
  try {
    const usable = arrays.filter((array) => array.header && array.header.shape.length > 0)
    if (usable.length === 0)
      throw arrays.find((array) => array.problem)?.problem ?? new PareError('data/empty', { path: file })
    const infos = usable.map(({ name, header }) => {
      const [length, ...dims] = header!.shape as [number, ...number[]]
      return { name, length, dims, dtype: header!.dtype }
    })
    const bound = bindArrays(infos, inputs, options)
    const used = new Set(
      [...bound.inputs.values()].flatMap(({ array }) => (array === undefined ? [] : [array])),
    )
    const lengths = infos.filter(({ name }) => used.has(name) || name === bound.label)
    const length = lengths[0]!.length
    const odd = lengths.find((info) => info.length !== length)
    if (odd)
      throw new PareError('data/shape-mismatch', {
        input: odd.name,
        expected: `${length} samples, as ${lengths[0]!.name} has`,
        got: `${odd.length} samples`,
      })
    if (length === 0) throw new PareError('data/empty', { path: file })
    const open = (name: string): Promise<Rows> =>
      usable.find((array) => array.name === name)!.open(options.signal)
    const rows = new Map<string, Rows>()
    for (const name of used) rows.set(name, await open(name))
    const labels = bound.label === undefined ? undefined : await labelsOfRows(await open(bound.label))
    const title = (index: number): string => `${path.basename(file)}, row ${index + 1}`
    const bytes = suggestArray(bound, (name) => infos.find((info) => info.name === name)!.dtype === 'uint8')
    return new ArraySource(
      length,
      bound.inputs,
      rows,
      labels,
      bytes.suggested,
      [...bound.notes, ...bytes.notes],
      title,
      close,
    )
  } catch (cause) {
    close()
    throw cause
  }
}

/** Pictures stored as bytes are meant as 0 to 1 unless the finder or a person says otherwise. */
function suggestArray(
  bound: Bound,
  isBytes: (array: string) => boolean,
): { suggested: Extract<Preprocessing, { kind: 'array' }>; notes: string[] } {
  const columns = Object.fromEntries(
    [...bound.inputs].flatMap(([name, { array }]) =>
      array === undefined || array === name ? [] : [[name, array]],
    ),
  )
  const plain = { kind: 'array' as const, scale: 1, mean: [0], std: [1], columns }
  const pictures = [...bound.inputs.values()].some(
    ({ info, array, fit }) =>
      array !== undefined && isFloat(info.dtype ?? 'float32') && fit.dims.length >= 2 && isBytes(array),
  )
  return pictures
    ? { suggested: { ...plain, scale: 1 / 255 }, notes: ['Bytes 0 to 255 are scaled to 0 to 1.'] }
    : { suggested: plain, notes: [] }
}
