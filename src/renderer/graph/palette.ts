/** Colours of a drawing on a canvas, from the tokens. */
import { resolveColours } from '../ui/colours'
import { FAMILIES, type Family } from './families'
import type { DiffState } from './rows'

const NAMES = {
  ground: '--surface-sunken',
  surface: '--surface',
  text: '--text',
  muted: '--text-muted',
  line: '--line-strong',
  accent: '--accent',
  block: '--line-strong',
  onFamily: '--on-family',
} as const

export interface GraphPalette extends Record<keyof typeof NAMES, string> {
  families: Record<Family, string>
  states: Record<DiffState, string>
  font: string
}

const STATES: Record<DiffState, string> = {
  same: '--line-strong',
  changed: '--warn',
  added: '--compressed',
  removed: '--bad',
}

export function graphPalette(): GraphPalette {
  const families = Object.fromEntries(
    Object.keys(FAMILIES).map((family) => [family, `--family-${family}`]),
  ) as Record<Family, string>
  return {
    ...resolveColours(NAMES),
    families: resolveColours(families),
    states: resolveColours(STATES),
    font: getComputedStyle(document.body).fontFamily,
  }
}
