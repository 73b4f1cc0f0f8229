import { count } from '../../lib/format'
import type { Column } from '../../ui/columns'

interface Costs {
  parameters: number
  macs: number | null
}

/** What a layer, or all of an operator, costs. */
export const costs: Column<Costs>[] = [
  {
    id: 'parameters',
    title: 'Parameters',
    text: (row) => count(row.parameters),
    raw: (row) => row.parameters,
    align: 'end',
  },
  {
    id: 'macs',
    title: 'MACs',
    text: (row) => count(row.macs),
    raw: (row) => row.macs ?? undefined,
    align: 'end',
  },
]
