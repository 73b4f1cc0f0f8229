/** Columns of the two tables: what stands in a cell, and what it is sorted and saved by. */
import type { Cell } from '../lib/save'

export interface Column<Row> {
  id: string
  title: string
  /** What is shown; also what is saved unless `raw` says better. */
  text: (row: Row) => string
  /** The number or word behind the text: sorts and goes into the CSV. */
  raw?: (row: Row) => Cell
  align?: 'end'
  /** CSS grid track of the virtual table. */
  width?: string
  /** Long texts may break over lines. */
  wrap?: boolean
}

const rawOf = <Row>(column: Column<Row>, row: Row): Cell => (column.raw ?? column.text)(row)

export interface Sorting {
  column: string
  descending: boolean
}

/** A new order of the rows; missing values last either way. */
export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  by?: Sorting,
): readonly Row[] {
  const column = columns.find(({ id }) => id === by?.column)
  if (!column || !by) return rows
  const keyed = rows.map((row) => ({ row, key: rawOf(column, row) }))
  const sign = by.descending ? -1 : 1
  keyed.sort((a, b) => {
    const missing =
      Number(a.key === undefined || a.key === null) - Number(b.key === undefined || b.key === null)
    if (missing) return missing
    if (typeof a.key === 'number' && typeof b.key === 'number') return (a.key - b.key) * sign
    return String(a.key).localeCompare(String(b.key), 'en', { numeric: true }) * sign
  })
  return keyed.map(({ row }) => row)
}

export const csvOf = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Cell[][] =>
  rows.map((row) => columns.map((column) => rawOf(column, row)))
