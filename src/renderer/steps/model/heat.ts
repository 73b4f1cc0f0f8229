/** Sensitivities as a heat map: one row a layer, one column a technique at a strength. */
import type { Sensitivity } from '../../../contract/sensitivity'

export interface HeatRow {
  layer: string
  op: string
  parameters: number
  /** By column id; absent where the technique says nothing about the layer. */
  cells: Record<string, Sensitivity>
}

interface HeatColumn {
  id: string
  title: string
}

const TITLES: Record<Sensitivity['technique'], (strength: number) => string> = {
  bits: (strength) => `${strength} bits`,
  sparsity: (strength) => `${Math.round(strength * 100)}% zeros`,
  channels: (strength) => `${Math.round(strength * 100)}% channels off`,
  rank: (strength) => `${Math.round(strength * 100)}% rank`,
}

const idOf = ({ technique, strength }: Sensitivity): string => `${technique}-${strength}`

export function heatColumns(entries: readonly Sensitivity[]): HeatColumn[] {
  const columns = new Map<string, HeatColumn>()
  for (const entry of entries)
    columns.set(idOf(entry), { id: idOf(entry), title: TITLES[entry.technique](entry.strength) })
  return [...columns.values()]
}

export function heatRows(entries: readonly Sensitivity[]): HeatRow[] {
  const rows = new Map<string, HeatRow>()
  for (const entry of entries) {
    const { layer, op, parameters } = entry
    const row = rows.get(layer) ?? { layer, op, parameters, cells: {} }
    row.cells[idOf(entry)] = entry
    rows.set(layer, row)
  }
  return [...rows.values()]
}

/** Decibel at which a layer does not mind, and at which its outputs are as much error as signal. */
const CALM = 40
const LOST = 0

/** 0 where the outputs hardly move, 1 where they are lost. */
export const heatOf = ({ sqnr }: Sensitivity): number =>
  Math.min(1, Math.max(0, (CALM - sqnr) / (CALM - LOST)))
