/** Labels that come one by one as text, numbers or lists of numbers. */
import { PareError } from '../../contract/errors'
import { isMissing, numberOf } from './csv'
import { RowWriter } from './row-writer'
import type { MadeLabels, RawLabels, Rows } from './source'

/** Numbers where all labels are numbers, names otherwise; lists must all have one length. */
export class LabelColumn {
  private readonly cells: (string | number | readonly number[] | undefined)[] = []

  constructor(private readonly decimalComma = false) {}

  /** Empty is no label; `where` names the line for messages. Throws `data/unreadable` for what cannot be one. */
  push(label: unknown, file: string, where: string): void {
    if (label === null || label === undefined || (typeof label === 'string' && label.trim() === ''))
      this.cells.push(undefined)
    else if (typeof label === 'bigint' || typeof label === 'boolean') this.cells.push(Number(label))
    else if (typeof label === 'number') this.cells.push(label)
    else if (typeof label === 'string') this.cells.push(label.trim())
    else if (isList(label) && !hasWords(label)) this.cells.push(flatNumbers(label))
    else throw new PareError('data/unreadable', { path: file, reason: `${where} has a label of many parts` })
  }

  /** `words`: labels are texts, whatever they look like. */
  async finish(file: string, words = false): Promise<Exclude<RawLabels, MadeLabels> | undefined> {
    const { cells } = this
    const found = cells.filter((cell) => cell !== undefined)
    if (found.length === 0) return undefined
    const lists = words ? [] : found.filter((cell) => typeof cell === 'object')
    if (lists.length > 0) return { kind: 'rows', rows: await this.lists(file, lists) }
    const numbers = cells.map((cell) => (typeof cell === 'string' ? numberOf(cell, this.decimalComma) : cell))
    const isName = (i: number): boolean => typeof cells[i] === 'string' && Number.isNaN(numbers[i])
    if (!words && !numbers.some((_, i) => isName(i) && !isMissing(cells[i] as string)))
      return { kind: 'rows', rows: await numberRows(numbers.map((value) => (value as number) ?? NaN)) }
    const names = new Map<string, number>()
    const of = Int32Array.from(cells, (cell) => {
      if (cell === undefined) return -1
      const name = String(cell)
      if (!names.has(name)) names.set(name, names.size)
      return names.get(name)!
    })
    return { kind: 'names', names: [...names.keys()], of }
  }

  private async lists(file: string, lists: readonly (readonly number[])[]): Promise<Rows> {
    const width = lists[0]!.length
    const gap = new Array<number>(width).fill(NaN)
    const cells = this.cells.map((cell) => cell ?? gap)
    if (cells.some((cell) => typeof cell !== 'object' || cell.length !== width))
      throw new PareError('data/unreadable', {
        path: file,
        reason: 'its labels are lists of different lengths',
      })
    const writer = new RowWriter([width], 'float64')
    for (const list of cells as readonly (readonly number[])[]) await writer.push(list)
    return writer.finish()
  }
}

export const isList = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) || ArrayBuffer.isView(value)

/** Lists deeper than this are no numbers: no tensor has so many axes. */
const DEEPEST = 64

/** Text of any value, as cells and labels are written. */
export function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || value instanceof Date) return String(value ?? '')
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one))
}

/** The numbers of nested lists in order; NaN for what is no number. */
export function flatNumbers(list: readonly unknown[]): number[] {
  const out: number[] = []
  const walk = (value: unknown, depth: number): void => {
    if (isList(value) && depth < DEEPEST) for (const item of Array.from(value)) walk(item, depth + 1)
    else out.push(isNumber(value) ? Number(value) : NaN)
  }
  walk(list, 0)
  return out
}

const isNumber = (value: unknown): boolean =>
  typeof value === 'object' ? value instanceof Date : typeof value !== 'string'

/** Whether something in nested lists is text, or an object, that stands for no number. */
export const hasWords = (list: readonly unknown[], depth = 0): boolean =>
  Array.from(list).some((item) => {
    if (isList(item)) return depth >= DEEPEST || hasWords(item, depth + 1)
    if (typeof item === 'string') return !isMissing(item)
    return item !== null && item !== undefined && !isNumber(item)
  })

/** Shape of nested lists, by their first elements. */
export function listShape(value: unknown): number[] {
  const shape: number[] = []
  for (let at = value; isList(at) && shape.length <= DEEPEST; at = at[0]) shape.push(at.length)
  return shape
}

async function numberRows(numbers: ArrayLike<number>): Promise<Rows> {
  const writer = new RowWriter([], 'float64')
  for (let i = 0; i < numbers.length; i++) await writer.push([numbers[i]!])
  return writer.finish()
}

/** Some rows of others, in another order. */
export const selectRows = (rows: Rows, order: readonly number[]): Rows => ({
  length: order.length,
  dims: rows.dims,
  dtype: rows.dtype,
  read: (indices) => rows.read(indices.map((i) => order[i]!)),
  close: () => rows.close(),
})
