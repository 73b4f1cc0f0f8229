/** Colours of a drawing on a canvas, from the tokens. */
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

/** Custom properties keep light-dark() unresolved, so a probe element resolves each colour. */
export function graphPalette(): GraphPalette {
  const probe = document.createElement('span')
  document.body.append(probe)
  const resolved = (property: string): string => {
    probe.style.color = `var(${property})`
    return getComputedStyle(probe).color
  }
  const all = <K extends string>(names: Record<K, string>): Record<K, string> =>
    Object.fromEntries(Object.entries<string>(names).map(([key, name]) => [key, resolved(name)])) as Record<
      K,
      string
    >
  const families = Object.fromEntries(
    Object.keys(FAMILIES).map((family) => [family, `--family-${family}`]),
  ) as Record<Family, string>
  const palette = {
    ...all(NAMES),
    families: all(families),
    states: all(STATES),
    font: getComputedStyle(document.body).fontFamily,
  }
  probe.remove()
  return palette
}
