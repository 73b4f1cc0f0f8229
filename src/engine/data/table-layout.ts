/** Which columns of a table are labels, and which make the inputs. */
import { PareError } from '../../contract/errors'
import { sizeOf, type ValueInfo } from '../onnx'
import { fitRows, rowDims } from './convert'
import { isMissing, numberOf, type CsvFile } from './csv'
import { labelRank, surelyLabel } from './names'
import type { ReaderContext } from './reader'
import { evaluatedOutput } from './tasks'

/** Which columns make which array. */
export interface Layout {
  /** Array name → positions of its columns. */
  groups: Map<string, number[]>
  /** Positions of the label columns: none, one, or several numbers. */
  labels: number[]
}

/** Columns that are tried one by one on a model with several inputs. */
const MOST_ARRAYS = 256

/** Columns that number or name the rows and are no measurement. */
const ROW_NAMES = /^(|id|index|idx|row|unnamed: 0|file|filename|name|timestamp|date|time)$/i

/** Throws `data/shape-mismatch`, and `data/label-unclear` where a name that may mean labels does not settle it. */
export function layoutOf(
  file: string,
  csv: CsvFile,
  sample: readonly string[][],
  { inputs, model, options }: ReaderContext,
): Layout {
  const names = csv.columns
  const isNumber = (cell: string): boolean => !Number.isNaN(numberOf(cell, csv.decimalComma))
  const numeric = names.map(
    (_, i) =>
      sample.some((cells) => isNumber(cells[i]!)) &&
      sample.every((cells) => isNumber(cells[i]!) || isMissing(cells[i]!)),
  )
  let labels = labelColumns(csv, options.label)
  const groups = inputGroups(names, inputs)
  if (groups.size === inputs.length) {
    const read = new Set([...groups.values()].flat())
    return { groups, labels: labels.filter((i) => !read.has(i)) }
  }
  const [input] = inputs
  const fits = (columns: readonly number[]): boolean =>
    fitRows([columns.length], rowDims(input!)) !== undefined
  if (options.label === undefined && inputs.length === 1 && rowDims(input!).every(Number.isInteger))
    labels = withoutFeatures(file, names, numeric, labels, fits)
  const labelled = new Set(labels)
  const free = names.map((_, i) => i).filter((i) => !labelled.has(i))
  const one = (columns: number[], found: number[]): Layout => ({
    groups: new Map([['columns', columns]]),
    labels: found,
  })
  if (inputs.length > 1) {
    if (free.length > MOST_ARRAYS)
      throw new PareError('data/shape-mismatch', {
        input: inputs.map(({ name }) => name).join(', '),
        expected: 'columns called like the inputs',
        got: `${free.length} columns: ${free
          .slice(0, 3)
          .map((i) => names[i]!)
          .join(', ')} …`,
      })
    return { groups: new Map(free.map((i) => [names[i]!, [i]])), labels }
  }
  const numbers = free.filter((i) => numeric[i])
  const measured = numbers.filter((i) => !ROW_NAMES.test(names[i]!))
  const candidates = [free, numbers, measured]
  if (labels.length > 0) return one(candidates.find((c) => c.length > 0 && fits(c)) ?? free, labels)
  // Without a label by name: what is left over at either end, text first.
  const texts = free.filter((i) => !numeric[i])
  if (texts.length === 1 && fits(numbers)) return one(numbers, texts)
  if (fits(free)) return one(free, [])
  for (const columns of candidates)
    for (const end of ends(
      columns,
      sample,
      sizeOf(evaluatedOutput(model, options.output).dims.filter((d) => typeof d === 'number')),
    )) {
      const rest = columns.filter((i) => i !== end)
      if (fits(rest)) return one(rest, [end])
    }
  return one(candidates.find((c) => c.length > 0 && fits(c)) ?? free, texts.length === 1 ? texts : [])
}

/**
 * A column called like labels is a feature where the model reads so many columns that it must be one. Labels are kept first
 * or last; one between features may as well be one of them.
 */
function withoutFeatures(
  file: string,
  names: readonly string[],
  numeric: readonly boolean[],
  labels: number[],
  fits: (columns: readonly number[]) => boolean,
): number[] {
  const [named, ...others] = labels
  if (named === undefined || others.length > 0 || !numeric[named] || surelyLabel(names[named]!)) return labels
  const positions = names.map((_, i) => i)
  const measured = positions.filter((i) => numeric[i] && !ROW_NAMES.test(names[i]!))
  const texts = positions.filter((i) => !numeric[i] && !ROW_NAMES.test(names[i]!))
  if (fits(measured)) return texts.length === 1 ? texts : []
  const ends = [measured.at(-1)!, measured[0]!]
  if (ends.includes(named) || !fits(measured.filter((i) => i !== named))) return labels
  throw new PareError('data/label-unclear', {
    path: file,
    columns: [named, ...ends].map((i) => names[i]!),
  })
}

/** The last and the first column; the one that looks like a class number comes first. */
function ends(columns: readonly number[], sample: readonly string[][], classes: number): number[] {
  const distinct = (column: number): number => new Set(sample.map((cells) => cells[column])).size
  const looksLikeClass = (column: number): boolean => {
    const values = sample.flatMap((cells) => (isMissing(cells[column]!) ? [] : Number(cells[column])))
    return (
      distinct(column) > 1 && values.every((v) => Number.isInteger(v) && v >= -1 && v <= Math.max(classes, 1))
    )
  }
  const both = [columns.at(-1), columns[0]].filter((i) => i !== undefined)
  return both.sort((a, b) => Number(looksLikeClass(b)) - Number(looksLikeClass(a)))
}

function labelColumns(csv: CsvFile, chosen: string | undefined): number[] {
  const names = csv.columns
  if (chosen !== undefined) {
    const at = names.indexOf(chosen)
    if (at >= 0) return [at]
    throw new PareError('data/shape-mismatch', {
      input: 'labels',
      expected: `a column "${chosen}"`,
      got: names.slice(0, 12).join(', '),
    })
  }
  if (!csv.hasHeader) return []
  const single = names
    .map((name, i) => ({ i, rank: labelRank(name) }))
    .filter(({ rank }) => rank !== undefined)
  if (single.length > 0) return [single.sort((a, b) => a.rank! - b.rank!)[0]!.i]
  // y0, y1, … or target_1, target_2, …: several numbers per sample.
  return names.flatMap((name, i) =>
    labelRank(name.replace(/[_ .[]*\d+\]?$/, '')) !== undefined && /\d\]?$/.test(name) ? [i] : [],
  )
}

/** Columns called like an input, alone or numbered: speed, or ids_0, ids_1, …. */
function inputGroups(names: readonly string[], inputs: readonly ValueInfo[]): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const input of inputs) {
    const columns = names.flatMap((name, i) => {
      const rest = name.startsWith(input.name) ? name.slice(input.name.length) : undefined
      return rest === '' || (rest !== undefined && /^[_ .[]?\d+\]?$/.test(rest)) ? [i] : []
    })
    if (columns.length > 0 && fitRows([columns.length], rowDims(input))) groups.set(input.name, columns)
  }
  return groups
}
